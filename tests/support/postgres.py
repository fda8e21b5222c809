"""A PostgreSQL of the tests' own: one server in a temporary folder, and a database for each test that asks.

It listens on a socket in that folder only. As root it runs under another account, because PostgreSQL refuses root.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import psycopg

PLACES = [Path("/usr/lib/postgresql"), Path("/usr/local/pgsql"), Path("/opt/homebrew/opt")]
ACCOUNTS = ("postgres", "nobody")
# What is lost when the machine dies is of no interest to a test.
OPTIONS = "-c fsync=off -c full_page_writes=off -c max_connections=120 -c listen_addresses="


def program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs, or None where it is not installed."""
    beside = [path for place in PLACES for path in sorted(place.glob(f"**/bin/{name}"), reverse=True)]
    return shutil.which(name) or next(map(str, beside), None)


def why_not() -> str:
    """Return why no server can be started here, or an empty string."""
    missing = [name for name in ("initdb", "pg_ctl") if program(name) is None]
    if missing:
        return f"PostgreSQL is not installed: no program {' and no program '.join(missing)}"
    if os.geteuid() == 0 and _account() is None:
        return f"PostgreSQL does not run as root, and there is no account {' or '.join(ACCOUNTS)}"
    return ""


class Postgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, itertools.count()

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://engram@/{name}?host={self._folder}"

    def fresh(self, template: str = "template0") -> str:
        """Make a database, empty or a copy of another one, and return its URL."""
        name = f"t{next(self._count)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)


@cache
def server() -> Postgres:
    """Start the server at the first call; it stops, and its folder goes, when the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="engram-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.geteuid() == 0:
        shutil.chown(folder, _account())
    data = str(folder / "data")
    _run(folder, "initdb", "-D", data, "-U", "engram", "-A", "trust", "-E", "UTF8", "--no-sync")
    log, options = str(folder / "log"), f"{OPTIONS} -c unix_socket_directories={folder}"
    _run(folder, "pg_ctl", "start", "-w", "-t", "120", "-s", "-D", data, "-l", log, "-o", options)
    atexit.register(_run, folder, "pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", data)
    return Postgres(folder)


def _run(folder: Path, name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL in the folder; its words go to a file, as the server keeps the stream open."""
    account = pwd.getpwnam(str(_account())) if os.geteuid() == 0 else None
    as_account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    said = folder / f"{name}.said"
    with said.open("wb") as stream:
        command = [str(program(name)), *arguments]
        done = subprocess.run(command, cwd=folder, stdout=stream, stderr=stream, check=False, **as_account)
    assert done.returncode == 0, f"{name}: {said.read_text()}"


def _account() -> str | None:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ACCOUNTS if name in known), None)
