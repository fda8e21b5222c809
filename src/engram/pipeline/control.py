"""Commands to an attempt: one small file that it reads between steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from engram import files
from engram.proc import started_by

Command = Literal["none", "pause", "cancel", "checkpoint"]


def send(path: Path, command: Command) -> None:
    """Ask the attempt for something."""
    files.write_json(path, {"command": command})


def clear(path: Path) -> None:
    """Take back whatever was asked."""
    path.unlink(missing_ok=True)


def asked(path: Path) -> str:
    """Return what the attempt is asked for, ``none`` for nothing."""
    try:
        return str(files.read_json(path)["command"])
    except FileNotFoundError:
        return "none"


def listener(path: Path, parent: int | None) -> Callable[[], Command]:
    """Return the function that a worker asks between steps.

    ``checkpoint`` is given once. When the process that started the worker is gone, nobody will judge what it makes, so
    it is told to pause: its checkpoint waits for ``--resume``.
    """

    def command() -> Command:
        if parent is not None and not started_by(parent):
            return "pause"
        said = asked(path)
        if said == "checkpoint":
            clear(path)
        return said if said in ("pause", "cancel", "checkpoint") else "none"  # type: ignore[return-value]

    return command
