"""From what a client asks of a fine-tuning to a recipe: the base, the training file, the hyperparameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.config.load import Loaded, load_recipe
from engram.config.pin import Named, pin_datasets
from engram.config.shipped import find_recipe, shipped_names
from engram.data.names import read_as
from engram.errors import UnknownName, UsageError
from engram.schema.recipe import Model, Source
from engram.server.access import Caller
from engram.server.platform import Platform
from engram.server.routes import catalogue
from engram.store.records import recipes, templates
from engram.store.records.datasets import Dataset

TASK = "generate"
# The recipe of a base that is named alone; what a base that knows its language already is trained with on top.
RECIPE = "custom_generate"
ADAPTED: Mapping[str, Any] = {
    "adapter": {"type": "lora", "r": 16, "alpha": 32},
    "train.learning_rate": 2.0e-4,
    "train.max_grad_norm": 1.0,
    "export": ["adapter", "merged"],
}
# A base that is made on the spot begins with random weights: it learns faster, from larger gradients.
MADE: Mapping[str, Any] = {"train.learning_rate": 2.0e-3, "train.max_grad_norm": 8.0}
SPLIT: Mapping[str, Any] = {"train": 0.8, "valid": 0.1, "test": 0.1, "stratify": None, "group": None}
SPLIT_WITH_VALIDATION: Mapping[str, Any] = {**SPLIT, "train": 0.9, "valid": 0.0}


@dataclass(frozen=True)
class Content:
    """A dataset of training rows, and which form they have."""

    dataset: Dataset
    form: str


@dataclass(frozen=True)
class Hyperparameters:
    """What is set by hand; None leaves it to the recipe. multiplier: of the recipe's learning rate."""

    epochs: int | None = None
    batch: int | None = None
    multiplier: float | None = None
    seed: int | None = None


def build_recipe(
    here: Platform, who: Caller, name: str, base: str, data: tuple[Content, Content | None], wanted: Hyperparameters
) -> Loaded:
    """Return the recipe of a fine-tuning.

    base: the name of a recipe or of a template, or a base model by itself (``made:causal``, a hub id).
    data: the training rows and, where they are given apart, the validation rows.

    Raises UsageError for a base that doesn't write text, UnknownName for one that is none, Forbidden for a place on
    the server's disk, and what `load_recipe` raises.
    """
    file, own = _base(here, who, base)
    plain = load_recipe(file, flags=own, environment={}).recipe
    if plain.task != TASK:
        raise UsageError(
            f"{base!r} does {plain.task}; a fine-tuning teaches models that write text.",
            remedy="Train it as it is: POST /api/v1/runs.",
        )
    training, validation = data
    sources = [_source(training.dataset)]
    if validation:
        sources.append({**_source(validation.dataset), "part": "valid"})
    split = dict(SPLIT_WITH_VALIDATION if validation else SPLIT)
    said = {
        "train.num_train_epochs": wanted.epochs,
        "train.per_device_train_batch_size": wanted.batch,
        "train.learning_rate": wanted.multiplier and wanted.multiplier * plain.train.learning_rate,
        "train.seed": wanted.seed,
    }
    flags = {
        **own,
        "name": name,
        "title": f"Fine-tuning of {base}",
        "prep": ["normalise"],
        "data": {"sources": sources, "format": training.form, "split": split},
        **{key: value for key, value in said.items() if value is not None},
    }
    if wanted.seed is not None:
        split["seed"] = wanted.seed
    loaded = load_recipe(file, flags=flags, environment={})
    catalogue.check_places(loaded, who)
    known = {one.dataset.digest: one.dataset for one in data if one is not None}
    return pin_datasets(loaded, lambda digest: _named(known[digest]))


def _base(here: Platform, who: Caller, base: str) -> tuple[Path, Mapping[str, Any]]:
    """Return the recipe's file that a base stands for, and what is changed in it."""
    if base in shipped_names():
        return find_recipe(base), {}
    with here.db.read() as tx:
        stored, template = recipes.maybe_recipe(tx, base), templates.find_template(tx, base)
    if stored is not None:
        return catalogue.read(here, who.to("recipes.read").touch(stored, f"model {base!r}").source).file, {}
    if template is not None:
        found = who.to("templates.read").touch(template, f"model {base!r}")
        if found.task != TASK:
            raise UsageError(f"The template {base!r} does {found.task}; a fine-tuning teaches models that write text.")
        commit = {"model.revision": found.revision} if found.revision else {}
        return find_recipe(RECIPE), {**ADAPTED, "model.source": found.source, **commit}
    if base.startswith("made:"):
        return find_recipe(RECIPE), {**MADE, "model.source": base}
    if catalogue.HUB_ID.fullmatch(base):
        source, _, revision = base.partition("@")
        pinned = {"model.revision": revision or Model("").revision}
        return find_recipe(RECIPE), {**ADAPTED, "model.source": source, **pinned}
    raise UnknownName.of("base model", base, ["made:causal", "made:seq2seq", *shipped_names()])


def _named(one: Dataset) -> Named:
    read = one.body.get("read")
    return Named(one.digest, one.license, read_as(read) if read else Source(format=one.format))


def _source(one: Dataset) -> dict[str, Any]:
    return {"dataset": one.digest, "format": one.format, "license": one.license or "own"}


def model_name(base: str, suffix: str, run: str) -> str:
    """Return the name under which a fine-tuned model is deployed: ``ft-<base>-<suffix>-<end of the run's id>``.

    >>> model_name("made:causal", "Kettles", "r_01K0000000000000000ABCDEFG")
    'ft-made-causal-kettles-0abcdefg'
    """
    parts = ["ft", _word(base.rpartition("/")[2])[:16].strip("-"), _word(suffix), run[-8:].lower()]
    return "-".join(part for part in parts if part)


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
