"""The protocol between server and core: `core.proto` and what is generated from it."""
