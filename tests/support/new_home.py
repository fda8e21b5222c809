"""A new home as a server's first start leaves it, made once for all tests of a process and copied.

A first start makes tables, keys and a ledger and hashes the first Admin's password, which takes most of a second.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from engram.server.main import open_platform
from engram.settings import load_settings


def started(home: Path) -> Path:
    """Give a folder what a first start makes, unless it has a beginning of its own, and return it."""
    if not any((home / name).exists() for name in ("engram.db", "ledger", "VERSION")):
        shutil.copytree(_first_start().name, home, dirs_exist_ok=True)
    return home


@cache
def _first_start() -> TemporaryDirectory[str]:
    made = TemporaryDirectory(prefix="home-")
    with open_platform(load_settings({"ENGRAM_HOME": made.name}), "http://127.0.0.1:1"):
        pass
    return made
