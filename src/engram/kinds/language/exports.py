"""Writing a tuned model down in the formats of the export room, and opening such files again."""

from __future__ import annotations

from pathlib import Path

from engram import registry
from engram.export.format import BaseRef
from engram.kinds.language.load import Loaded, longest, open_tokenizer, quiet
from engram.schema.recipe import Recipe


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format. A format that `consumes` the model leaves `loaded` unfit for anything else."""
    if loaded.base is None:
        raise ValueError("A model that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        # A tokenizer that has worked carries its last truncation and padding into the file; a fresh one does not.
        fresh = open_tokenizer(loaded.base.folder)
        registry.get("export", name).write(loaded.model, fresh, loaded.base, folder)


def reopen_export(task: str, name: str, folder: Path, base: BaseRef, labels: tuple[str, ...], recipe: Recipe) -> Loaded:
    """Open exported files with the ecosystem's own loader, ready to predict."""
    with quiet():
        model, tokenizer = registry.get("export", name).open(folder, base, labels)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return Loaded(model, tokenizer, labels, None, longest(recipe.train.max_seq_length, model), recipe)
