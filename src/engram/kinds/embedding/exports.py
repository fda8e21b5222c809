"""Writing a tuned encoder down in the formats of the export room, and opening such files again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engram import registry
from engram.errors import UserError
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.export.tasks import Task
from engram.export.tokens import clean_tokenizer
from engram.kinds.embedding.load import Loaded, longest_text
from engram.kinds.embedding.model import Encoder
from engram.kinds.embedding.modules import copy_modules, copy_settings, read_plan
from engram.schema.recipe import Recipe

TASK = Task("embed", "AutoModel", graph="engram.kinds.embedding.graph")
WHOLE, ON_TOP = "merged", "adapter"


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format. A format that `consumes` the model leaves `loaded` unfit for anything else.

    ``merged`` is a folder that sentence-transformers opens: the encoder, and the modules after it.

    Raises UserError when this model can't be had in the format, MissingExtra when a package is not installed.
    """
    if loaded.base is None:
        raise ValueError("A model that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    model: Encoder = loaded.model
    with quiet():
        tokenizer = clean_tokenizer(loaded.tokenizer)
        if name == WHOLE and model.aside:
            model.inner.pooler = model.aside[0]
        given = model.body if name in (WHOLE, ON_TOP) else model
        registry.get("export", name).write(given, tokenizer, loaded.base, folder, TASK)
    if name == WHOLE:
        width = int(model.config.get_text_config().hidden_size)
        copy_modules(loaded.base.folder, loaded.plan, folder, width, loaded.max_length)
        _save_dense(model, folder)
    else:
        copy_settings(loaded.base.folder, loaded.plan, folder, loaded.max_length)


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

    Raises Refused for files that could run code, UserError for a format of which the modules are not known.
    """
    with quiet():
        model, tokenizer = registry.get("export", name).open(folder, base, labels, TASK, digests)
    plan = read_plan(base.folder if name == ON_TOP else folder)
    if name in (WHOLE, ON_TOP):
        model = Encoder(model, plan, base.folder if name == ON_TOP else folder).eval()
    elif name not in registry.get("kind", recipe.kind).tasks[recipe.task].exports:
        raise UserError(f"{name} says nothing of how hidden states become vectors.", remedy="Export merged.")
    longest = longest_text(recipe.train.max_seq_length, model.config, plan)
    return Loaded(model, tokenizer, labels, None, longest, recipe, plan)


def _save_dense(model: Encoder, folder: Path) -> None:
    from safetensors.torch import save_file

    for layer, spec in zip(model.dense, model.plan.dense, strict=True):
        weights = {key: tensor.detach().cpu().contiguous() for key, tensor in layer.state_dict().items()}
        save_file(weights, folder / spec.folder / "model.safetensors", metadata={"format": "pt"})
