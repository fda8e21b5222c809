"""The base models that recognisers begin with: those of the hub, or a small one that is made here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from engram.export import base
from engram.export.format import BaseRef
from engram.schema.recipe import Model

MADE = ("scribe",)


def find_base(model: Model) -> BaseRef:
    """Return the base model that a recipe names; see `engram.export.base.find_base`."""
    return base.find_base(model, OWN)


def find_folder(model: Model) -> Path:
    """Return the folder of a base model without reading its weights; raises what `find_base` raises."""
    return base.find_folder(model, OWN)


def _make(name: str) -> Path:
    from engram.kinds.stt.made import make

    return make(name)


OWN = base.Own(made={name: partial(_make, name) for name in MADE})
