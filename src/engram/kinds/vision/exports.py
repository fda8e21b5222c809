"""Writing a tuned model down in the formats of the export room, and opening such files again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engram import registry
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.export.tasks import Task
from engram.kinds.vision.load import Loaded
from engram.kinds.vision.reading import open_reader, reading_of
from engram.schema.recipe import Recipe

READER = "AutoImageProcessor"
GRAPH = "engram.kinds.vision.graph"
OVER = {"ignore_mismatched_sizes": True}
CLASSIFY = Task("classify", "AutoModelForImageClassification", labelled=True, reader=READER, settings=OVER, graph=GRAPH)
DETECT = Task("detect", "AutoModelForObjectDetection", labelled=True, reader=READER, settings=OVER, graph=GRAPH)


def export(loaded: Loaded, name: str, folder: Path, task: Task) -> None:
    """Write one format. A format that `consumes` the model leaves `loaded` unfit for anything else.

    Raises UserError when this model can't be had in the format, MissingExtra when a package is not installed.
    """
    if loaded.base is None:
        raise ValueError("A model that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        registry.get("export", name).write(loaded.model, loaded.reading.reader, loaded.base, folder, task)


def reopen(
    name: str,
    folder: Path,
    base: BaseRef,
    labels: tuple[str, ...],
    recipe: Recipe,
    digests: Mapping[str, str] | None,
    task: Task,
) -> Loaded:
    """Open exported files with the ecosystem's own loader, ready to predict.

    digests: path in the folder → SHA-256 as the caller knows it; a format that runs code opens by nothing else.

    Raises Refused for files that could run code.
    """
    with quiet():
        model, _ = registry.get("export", name).open(folder, base, labels, task, digests)
        reader = open_reader(folder)
    return Loaded(model, reading_of(reader), labels, None, recipe)
