"""What every test has: a client of the API that calls the server by a name which it knows as its own, and time."""

from __future__ import annotations

from hypothesis import settings
from starlette.testclient import TestClient

# The library's client calls everything "testserver", and a server answers to its own names only.
TestClient.__init__.__defaults__ = ("http://127.0.0.1", *TestClient.__init__.__defaults__[1:])

# No test asserts a time: an example that waited for another process is no fault.
settings.register_profile("engram", deadline=None)
settings.load_profile("engram")
