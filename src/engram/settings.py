"""One place for the ENGRAM_* settings and the home folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engram.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """What the environment says; every field is one ENGRAM_* variable.

    home: the folder that holds everything of one installation (ENGRAM_HOME, default ~/.engram).
    threads: CPU threads of a training process (ENGRAM_THREADS, default: all cores).
    plugins: distributions whose entry points may be loaded beside Engram's own (ENGRAM_PLUGINS, comma-separated).
    debug: show tracebacks instead of one-line errors (ENGRAM_DEBUG=1).
    database_url: a PostgreSQL database in place of the home's own SQLite file (ENGRAM_DATABASE_URL).
    ca: a PEM file with the only certificates that a client believes of a server (ENGRAM_CA).
    max_batch: how many requests of a deployment may share one pass of its model (ENGRAM_MAX_BATCH, default 64).
    """

    home: Path
    threads: int
    plugins: tuple[str, ...]
    debug: bool
    database_url: str | None = None
    ca: Path | None = None
    max_batch: int = 64


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises UsageError for a number that is none.

    >>> load_settings({"ENGRAM_HOME": "/srv/engram", "ENGRAM_THREADS": "2"}).threads
    2
    """
    env = os.environ if environment is None else environment
    return Settings(
        home=Path(env.get("ENGRAM_HOME") or Path.home() / ".engram").expanduser(),
        threads=_number("ENGRAM_THREADS", env, os.cpu_count() or 1),
        plugins=tuple(name.strip() for name in env.get("ENGRAM_PLUGINS", "").split(",") if name.strip()),
        debug=env.get("ENGRAM_DEBUG", "") not in ("", "0"),
        database_url=env.get("ENGRAM_DATABASE_URL") or None,
        ca=Path(env["ENGRAM_CA"]).expanduser() if env.get("ENGRAM_CA") else None,
        max_batch=_number("ENGRAM_MAX_BATCH", env, 64),
    )


def _number(name: str, env: Mapping[str, str], default: int) -> int:
    said = env.get(name, "")
    if not said:
        return default
    if not said.isascii() or not said.isdigit() or int(said) < 1:
        raise UsageError(f"{name} must be a whole number from 1, not {said!r}.", remedy="For example: 2")
    return int(said)
