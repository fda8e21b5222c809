"""The embedding kind's code: one module a task, each with the names of `engram.pipeline.protocol.TaskCode`."""

from __future__ import annotations

import importlib
from types import ModuleType

from engram.errors import UnknownName

TASKS = ("embed", "score")


def task(name: str) -> ModuleType:
    """Return the module that does a task of the card.

    Raises UnknownName for a task that the kind does not have.
    """
    if name not in TASKS:
        raise UnknownName.of("task of the kind embedding", name, TASKS)
    return importlib.import_module(f"engram.kinds.embedding.{name}")
