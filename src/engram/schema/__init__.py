"""The nouns that travel between rooms: frozen dataclasses of the standard library, each with its `format`."""
