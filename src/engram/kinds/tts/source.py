"""The base models that voices begin with: SpeechT5 of the hub or of a folder, or a small one that is made here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from engram.export import base
from engram.export.format import BaseRef
from engram.schema.recipe import Model

MADE = ("speaker",)
# Which vocoder belongs to a model of the hub; one in a folder brings its own as the sub-folder of this name.
VOCODERS = {"microsoft/speecht5_tts": "microsoft/speecht5_hifigan"}
VOCODER = "vocoder"


def find_base(model: Model) -> BaseRef:
    """Return the base model that a recipe names; see `engram.export.base.find_base`."""
    return base.find_base(model, OWN)


def find_folder(model: Model) -> Path:
    """Return the folder of a base model without reading its weights; raises what `find_base` raises."""
    return base.find_folder(model, OWN)


def find_vocoder(found: BaseRef) -> Path | None:
    """Return the folder of the vocoder that belongs to a base model, or None where sound is made without one.

    Raises NotFound when the hub has it, and it can't be had.
    """
    own = found.folder / VOCODER
    if (own / "config.json").is_file():
        return own
    name = VOCODERS.get(found.name)
    return base.find_folder(Model(name), base.Own()) if name else None


def _make(name: str) -> Path:
    from engram.kinds.tts.made import make

    return make(name)


OWN = base.Own(made={name: partial(_make, name) for name in MADE})
