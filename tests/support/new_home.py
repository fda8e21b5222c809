"""A new home as a server's first start leaves it, made once for all tests of a process and copied.

A first start makes tables, keys and a ledger and hashes the first Admin's password, which takes most of a second.
"""

from __future__ import annotations

import shutil
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from engram.security.api_keys import make_api_key
from engram.server.main import open_platform
from engram.settings import load_settings


def started(home: Path) -> Path:
    """Give a folder what a first start makes, unless it has a beginning of its own, and return it."""
    if not any((home / name).exists() for name in ("engram.db", "ledger", "VERSION")):
        shutil.copytree(_first_start().name, home, dirs_exist_ok=True)
    return home


def known(home: Path, password: str) -> str:
    """Give a new home an Admin who has changed her first password to this one, and return a key of hers."""
    made, key = _known(password)
    shutil.copytree(made.name, home)
    return key


@cache
def _known(password: str) -> tuple[TemporaryDirectory[str], str]:
    made = TemporaryDirectory(prefix="home-")
    settings = load_settings({"ENGRAM_HOME": str(started(Path(made.name)))})
    with open_platform(settings, "http://127.0.0.1:1") as (platform, _):
        entrance = platform.entrance
        admin = entrance.users.find("admin")
        assert admin
        entrance.users.set_password(admin.id, entrance.passwords.hash(password), must_change=False)
        return made, make_api_key(platform.keys, admin.id, "tests", ["*"], time.time).text


@cache
def _first_start() -> TemporaryDirectory[str]:
    made = TemporaryDirectory(prefix="home-")
    with open_platform(load_settings({"ENGRAM_HOME": made.name}), "http://127.0.0.1:1"):
        pass
    return made
