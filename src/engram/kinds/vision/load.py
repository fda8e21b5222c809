"""Building a vision model from a base: its body, a head for the labels, and the adapter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig

from engram.errors import UserError
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.export.heads import head_modules
from engram.kinds.vision.reading import Reading, open_reading
from engram.kinds.vision.source import find_base
from engram.prep.plan import readings
from engram.schema.recipe import Recipe
from engram.train.adapter import attach
from engram.train.randomness import seed_all

SEEN_AT_FIRST = 0.05  # the chance that a new head of a detector that knows no class for nothing gives each class


@dataclass(frozen=True)
class Loaded:
    """A model with what makes its inputs. `base` is None for a model that was reopened from an export.

    recipe: what it was built from.
    """

    model: nn.Module
    reading: Reading
    labels: tuple[str, ...]
    base: BaseRef | None
    recipe: Recipe


@dataclass(frozen=True)
class Way:
    """What the two tasks load differently.

    auto: transformers' class. what: such a model, in words. known: the architectures that are taken, None for every one
    that the class opens. remedy: what to choose instead. finds: it finds things on a picture.
    """

    auto: str
    what: str
    remedy: str
    known: tuple[str, ...] | None = None
    finds: bool = False


class Still(nn.BatchNorm2d):
    """A batch norm that keeps the statistics it came with: a row's answer would depend on its neighbours otherwise."""

    def train(self, mode: bool = True) -> Still:
        """Stay as in evaluation."""
        return super().train(False)


def load(way: Way, recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the model that a recipe trains, always the same: what is new is drawn from the seed.

    Raises NotFound when the base can't be had, UserError when it is no such model of images.
    """
    base = find_base(recipe.model)
    reading = open_reading(base.folder, way.finds, wanted_size(recipe))
    seed_all(recipe.train.seed)
    model = open_model(way, base.folder, labels)
    model.config.seen_size = [reading.height, reading.width]  # by which a graph is made
    if wanted_size(recipe):
        _try(model, reading)
    if recipe.train.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    seed_all(recipe.train.seed)
    tuned = attach(model, recipe.adapter, None, heads=head_modules(model))
    return Loaded(tuned.to(device), reading, tuple(labels), base, recipe)


def _try(model: Any, reading: Reading) -> None:
    """Make sure that a model takes another size than its own; raises UserError when it does not."""
    try:
        with torch.inference_mode():
            model.eval()(pixel_values=torch.zeros(1, 3, reading.height, reading.width))
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"This {model.config.model_type} model takes no pictures of {reading.height} × {reading.width} pixels: "
            f"{str(error).strip().splitlines()[0][:200]}",
            remedy="Leave the prep step image_size out, or choose a model that takes any size, as ConvNeXt.",
        ) from error


def wanted_size(recipe: Recipe) -> tuple[int, int] | None:
    """Return the height and width that a recipe asks for, None for the model's own."""
    size: tuple[int, int] | None = readings(recipe.prep).get("image_size")
    return size


def open_model(way: Way, folder: Path, labels: Sequence[str]) -> Any:
    """Return a model with `labels` in fp32, its head new where the folder has none for so many labels.

    Raises UserError when transformers knows no such model of this architecture, or the folder lacks weights of it.
    """
    config = AutoConfig.from_pretrained(folder)
    kind = config.model_type
    if way.known is not None and kind not in way.known:
        raise UserError(f"{folder} holds a {kind} model, which is not known to be {way.what} here.", remedy=way.remedy)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    try:
        with quiet():
            model, said = getattr(transformers, way.auto).from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (ImportError, ValueError) as error:
        raise UserError(
            f"{folder} holds a {kind} model, which can't be made {way.what}: {str(error).strip().splitlines()[0]}",
            remedy=way.remedy,
        ) from error
    heads = tuple(f"{name}." for name in head_modules(model))
    lost = [key for key in said["missing_keys"] if not key.startswith(heads)]
    if lost:
        raise UserError(
            f"{folder} lacks {len(lost)} weights of a {kind} model, among them {sorted(lost)[0]}.",
            remedy="They would be random numbers. Check that config.json and the weights belong together.",
        )
    new = [*said["missing_keys"], *(found[0] for found in said["mismatched_keys"])]
    _expect_little(model, [name for name in new if name.endswith("bias")])
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = Still
            module.eval()
    return model


def _expect_little(model: Any, new: Sequence[str]) -> None:
    """Let new classes of a focal loss begin as rarely found (Lin et al., Focal Loss, 2017, section 4.1)."""
    from engram.kinds.vision.detect.set_loss import FOCAL

    if model.config.model_type not in FOCAL:
        return
    least = -math.log((1 - SEEN_AT_FIRST) / SEEN_AT_FIRST)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in new and parameter.shape == (model.config.num_labels,):
                parameter.fill_(least)
