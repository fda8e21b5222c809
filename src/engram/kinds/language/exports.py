"""Writing a tuned model down in the formats of the export room, and opening such files again, for every task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engram import registry
from engram.export.format import BaseRef
from engram.export.tokens import clean_tokenizer
from engram.kinds.language.load import Loaded, longest, quiet
from engram.schema.recipe import Recipe


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format. A format that `consumes` the model leaves `loaded` unfit for anything else.

    Raises UserError when this model can't be had in the format, MissingExtra when a package is not installed.
    """
    if loaded.base is None or loaded.recipe is None:
        raise ValueError("A model that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        tokenizer = clean_tokenizer(loaded.tokenizer)
        registry.get("export", name).write(loaded.model, tokenizer, loaded.base, folder, loaded.recipe.task)


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
        model, tokenizer = registry.get("export", name).open(folder, base, labels, recipe.task, digests)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return Loaded(model, tokenizer, labels, None, longest(recipe.train.max_seq_length, model), recipe)
