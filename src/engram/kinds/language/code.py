"""The language kind's code: one module a task, each with the same names."""

from __future__ import annotations

import importlib
from types import ModuleType

from engram.errors import UnknownName

TASKS = ("classify", "tag", "generate")


def task(name: str) -> ModuleType:
    """Return the module that does a task of the card.

    Its functions are those of `engram.pipeline.protocol.TaskCode`.

    Raises UnknownName for a task that the kind does not have.
    """
    if name not in TASKS:
        raise UnknownName.of("task of the kind language", name, TASKS)
    return importlib.import_module(f"engram.kinds.language.{name}.code")
