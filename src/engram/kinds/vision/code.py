"""The vision kind's code: one module a task, each with the names of `engram.pipeline.protocol.TaskCode`."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from engram.errors import UnknownName

TASKS = ("classify", "detect")


def task(name: str) -> ModuleType:
    """Return the module that does a task of the card.

    Raises UnknownName for a task that the kind does not have.
    """
    if name not in TASKS:
        raise UnknownName.of("task of the kind vision", name, TASKS)
    return importlib.import_module(f"engram.kinds.vision.{name}.code")


def fid(one: Path, other: Path, model: str, revision: str = "main") -> dict[str, Any]:
    """Return how far two folders of pictures are from one another; see `engram.kinds.vision.fid.fid`."""
    from engram.kinds.vision.fid import fid as work_out

    return work_out(one, other, model, revision)
