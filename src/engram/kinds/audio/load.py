"""Building a sound classifier from a base: its encoder, a head for the labels, and the adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForAudioClassification

from engram.errors import UserError
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.export.heads import head_modules
from engram.kinds.audio.reading import Reading, open_reading
from engram.kinds.audio.source import find_base
from engram.prep.plan import changes
from engram.prep.spec_augment import cover_inside
from engram.schema.recipe import Recipe
from engram.train.adapter import attach
from engram.train.randomness import seed_all

DRAWN = ("masked_spec_embed", "parametrizations")  # absent in some checkpoints, and never read without SpecAugment
ALL_LINEAR = "all-linear"


@dataclass(frozen=True)
class Loaded:
    """A model with what makes its inputs. `base` is None for a model that was reopened from an export.

    max_length: the most frames of 20 ms of one row. recipe: what it was built from.
    """

    model: nn.Module
    reading: Reading
    labels: tuple[str, ...]
    base: BaseRef | None
    max_length: int
    recipe: Recipe


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the classifier that a recipe trains, always the same: what is new is drawn from the seed.

    Raises NotFound when the base can't be had, UserError when it is no model of sounds.
    """
    base = find_base(recipe.model)
    reading = open_reading(base.folder)
    seed_all(recipe.train.seed)
    model = open_classifier(base.folder, labels, recipe, reading)
    if recipe.train.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    seed_all(recipe.train.seed)
    tuned = attach(model, recipe.adapter, None, heads=head_modules(model))
    longest = reading.longest(recipe.train.max_seq_length)
    return Loaded(tuned.to(device), reading, tuple(labels), base, longest, recipe)


def open_classifier(folder: Path, labels: Sequence[str], recipe: Recipe, reading: Reading) -> Any:
    """Return a sound classifier with `labels` in fp32, its head new where the folder has none for so many labels.

    Raises UserError when transformers knows no classifier for this architecture, or the folder lacks weights of it.
    """
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    cover_inside(config, changes(recipe.prep, "features"), samples=reading.raw)
    try:
        with quiet():
            model, said = AutoModelForAudioClassification.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                use_safetensors=True,
                output_loading_info=True,
            )
    except ValueError as error:
        raise UserError(
            f"{folder} holds a {config.model_type} model, which can't be made a sound classifier.",
            remedy="Choose a wav2vec2, HuBERT, WavLM, wav2vec2-bert, Whisper or AST model.",
        ) from error
    heads = tuple(f"{name}." for name in head_modules(model))
    lost = [key for key in said["missing_keys"] if not key.startswith(heads) and not any(d in key for d in DRAWN)]
    if lost:
        raise UserError(
            f"{folder} lacks {len(lost)} weights of a {config.model_type} model, among them {sorted(lost)[0]}.",
            remedy="They would be random numbers. Check that config.json and the weights belong together.",
        )
    return model
