"""Writing a policy down in the formats of the export room, and opening such files again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engram import registry
from engram.export.format import BaseRef
from engram.export.tasks import Task
from engram.kinds.rl.load import Loaded
from engram.schema.recipe import Recipe

TASK = Task("act", "", reader="", graph="engram.kinds.rl.net")


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format.

    Raises UserError when this policy can't be had in the format, MissingExtra when a package is not installed.
    """
    if loaded.base is None:
        raise ValueError("A policy that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    registry.get("export", name).write(loaded.model, None, loaded.base, folder, TASK)


def reopen(
    name: str,
    folder: Path,
    base: BaseRef,
    labels: tuple[str, ...],
    recipe: Recipe,
    digests: Mapping[str, str] | None = None,
) -> Loaded:
    """Open exported files, ready to act; no environment is needed for it.

    Raises Refused for files that could run code, and for weights that are not of such a policy.
    """
    model, _ = registry.get("export", name).open(folder, base, labels, TASK, digests)
    return Loaded(model, None, recipe)
