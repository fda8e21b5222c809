"""The pages as a browser gets them, in `built`: data, not code. Their source is the folder `ui` of a checkout."""
