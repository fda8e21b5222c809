"""Writing a tuned voice down in the formats of the export room, with its vocoder, and opening such files again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engram import registry
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.export.inspect import refuse_code
from engram.export.tasks import Task
from engram.kinds.tts.load import Loaded, longest_frames, open_vocoder
from engram.kinds.tts.settled import as_it_came, settle
from engram.kinds.tts.source import VOCODER
from engram.schema.recipe import Recipe

TASK = Task("speak", "SpeechT5ForTextToSpeech", reader="SpeechT5Processor")


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format. A format that `consumes` the model leaves `loaded` unfit for anything else.

    Where the model has a vocoder, it lies beside it in the folder `vocoder`.
    """
    if loaded.base is None:
        raise ValueError("A model that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    with quiet(), as_it_came(loaded.model):
        registry.get("export", name).write(loaded.model, loaded.processor, loaded.base, folder, TASK)
        if loaded.vocoder is not None:
            loaded.vocoder.save_pretrained(folder / VOCODER, safe_serialization=True)


def reopen(
    name: str,
    folder: Path,
    base: BaseRef,
    labels: tuple[str, ...],
    recipe: Recipe,
    digests: Mapping[str, str] | None = None,
) -> Loaded:
    """Open exported files with the ecosystem's own loader, ready to predict.

    digests: path in the folder → SHA-256 as the caller knows it; nothing here runs code, so none is needed.

    Raises Refused for files that could run code.
    """
    refuse_code(folder)
    with quiet():
        model, processor = registry.get("export", name).open(folder, base, labels, TASK, digests)
    own = folder / VOCODER
    vocoder = open_vocoder(own if own.is_dir() else None)
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    longest = longest_frames(recipe, inner.config)
    return Loaded(settle(model), processor, vocoder, labels, None, longest, recipe)
