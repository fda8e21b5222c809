"""The task detect, under the names that the pipeline calls for every task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram.evaluate.box_answers import BoxAnswers
from engram.export.format import BaseRef
from engram.kinds.vision import exports
from engram.kinds.vision.detect.baselines import baselines
from engram.kinds.vision.detect.model import answer, collate, examine, loss, predict, scoring_batches, vary
from engram.kinds.vision.detect.set_loss import FOCAL, SOFTMAX, row_loss
from engram.kinds.vision.detect.show import show
from engram.kinds.vision.examples import prepare
from engram.kinds.vision.load import Loaded, Way
from engram.kinds.vision.load import load as load_way
from engram.kinds.vision.source import find_base
from engram.schema.recipe import Recipe

ANSWERS = BoxAnswers
WAY = Way(
    auto="AutoModelForObjectDetection",
    what="a detector",
    remedy="Choose a YOLOS, DETR, Conditional DETR, Deformable DETR, DAB-DETR or Table Transformer without timm.",
    known=(*SOFTMAX, *FOCAL),
    finds=True,
)


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the detector that a recipe trains; see `engram.kinds.vision.load.load`."""
    loaded = load_way(WAY, recipe, labels, device)
    model: Any = loaded.model
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    whole.loss_function = row_loss(whole.config)
    return loaded


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format; see `engram.kinds.vision.exports.export`."""
    exports.export(loaded, name, folder, exports.DETECT)


def reopen(
    name: str,
    folder: Path,
    base: BaseRef,
    labels: tuple[str, ...],
    recipe: Recipe,
    digests: Mapping[str, str] | None = None,
) -> Loaded:
    """Open exported files; see `engram.kinds.vision.exports.reopen`."""
    return exports.reopen(name, folder, base, labels, recipe, digests, exports.DETECT)


__all__ = [
    "ANSWERS",
    "answer",
    "baselines",
    "collate",
    "examine",
    "export",
    "find_base",
    "load",
    "loss",
    "predict",
    "prepare",
    "reopen",
    "scoring_batches",
    "show",
    "vary",
]
