"""The task classify, under the names that the pipeline calls for every task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engram.evaluate.answers import Answers
from engram.export.format import BaseRef
from engram.kinds.vision import exports
from engram.kinds.vision.classify.model import (
    answer,
    baselines,
    collate,
    examine,
    loss,
    predict,
    scoring_batches,
    vary,
)
from engram.kinds.vision.examples import prepare
from engram.kinds.vision.load import Loaded, Way
from engram.kinds.vision.load import load as load_way
from engram.kinds.vision.source import find_base
from engram.schema.recipe import Recipe

ANSWERS = Answers
WAY = Way(
    auto="AutoModelForImageClassification",
    what="a classifier of images",
    remedy="Choose a ViT, ResNet, ConvNeXt, Swin or another image classifier of transformers.",
)


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the classifier that a recipe trains; see `engram.kinds.vision.load.load`."""
    return load_way(WAY, recipe, labels, device)


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format; see `engram.kinds.vision.exports.export`."""
    exports.export(loaded, name, folder, exports.CLASSIFY)


def reopen(
    name: str,
    folder: Path,
    base: BaseRef,
    labels: tuple[str, ...],
    recipe: Recipe,
    digests: Mapping[str, str] | None = None,
) -> Loaded:
    """Open exported files; see `engram.kinds.vision.exports.reopen`."""
    return exports.reopen(name, folder, base, labels, recipe, digests, exports.CLASSIFY)


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
    "vary",
]
