"""Writing a tuned recogniser down in the formats of the export room, and opening such files again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engram import registry
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.export.tasks import Task
from engram.kinds.stt.load import Loaded, script_of
from engram.kinds.stt.reading import reading_of
from engram.schema.recipe import Recipe

TASK = Task(
    "transcribe",
    "AutoModelForCTC",
    seq2seq="AutoModelForSpeechSeq2Seq",
    reader="AutoProcessor",
    graph="engram.kinds.stt.graph",
)


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format. A format that `consumes` the model leaves `loaded` unfit for anything else.

    Raises UserError when this model can't be had in the format, MissingExtra when a package is not installed.
    """
    if loaded.base is None:
        raise ValueError("A model that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        registry.get("export", name).write(loaded.model, loaded.reading.processor, loaded.base, folder, TASK)


def reopen(
    name: str,
    folder: Path,
    base: BaseRef,
    labels: tuple[str, ...],
    recipe: Recipe,
    digests: Mapping[str, str] | None = None,
) -> Loaded:
    """Open exported files with the ecosystem's own loader, ready to predict.

    digests: path in the folder → SHA-256 as the caller knows it; a format that runs code opens by nothing else.

    Raises Refused for files that could run code.
    """
    with quiet():
        model, processor = registry.get("export", name).open(folder, base, labels, TASK, digests)
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    reading = reading_of(inner.config, processor)
    script = script_of(inner.config, reading, getattr(inner, "generation_config", None), recipe)
    return Loaded(model, reading, script, None, reading.longest(recipe.train.max_seq_length), recipe)
