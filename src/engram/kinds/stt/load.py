"""Building a recogniser from a base: its weights, a new head where it needs one, and the adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCTC, AutoModelForSpeechSeq2Seq

from engram.errors import UserError
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.kinds.stt.reading import REMEDY, Reading, open_reading
from engram.kinds.stt.source import find_base
from engram.kinds.stt.spelling import Speller, speller_of
from engram.kinds.stt.writing import Writer, said_of, writer_of
from engram.prep.plan import changes
from engram.prep.spec_augment import cover_inside
from engram.schema.recipe import Recipe
from engram.train.adapter import attach
from engram.train.randomness import seed_all

DRAWN = ("masked_spec_embed", "parametrizations")  # absent in some checkpoints, and never read without SpecAugment
HEAD = "lm_head"


@dataclass(frozen=True)
class Loaded:
    """A model with what makes its inputs. `base` is None for a model that was reopened from an export.

    script: how texts become its targets: a `Speller` for CTC, a `Writer` for Whisper. max_length: the most frames of
    20 ms that are read at once. recipe: what it was built from.
    """

    model: Any
    reading: Reading
    script: Speller | Writer
    base: BaseRef | None
    max_length: int
    recipe: Recipe

    @property
    def inner(self) -> Any:
        """The model of transformers, with its adapters in place."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model


def load(recipe: Recipe, labels: Sequence[str] = (), device: str = "cpu") -> Loaded:
    """Build the recogniser that a recipe trains, always the same: what is new is drawn from the seed. No labels.

    Raises NotFound when the base can't be had, UserError when it is no recogniser, or the recipe wants of it what it
    can't give.
    """
    base = find_base(recipe.model)
    reading, script = open_script(base.folder, recipe)
    seed_all(recipe.train.seed)
    model = open_recogniser(base.folder, recipe, reading)
    if recipe.train.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    seed_all(recipe.train.seed)
    # A head that spells is small, and new where the base was an encoder alone: it is trained and saved whole.
    tuned = attach(model, recipe.adapter, None, heads=() if reading.writes else (HEAD,))
    return Loaded(tuned.to(device), reading, script, base, reading.longest(recipe.train.max_seq_length), recipe)


def open_script(folder: Path, recipe: Recipe) -> tuple[Reading, Speller | Writer]:
    """Return how the model in a folder reads and writes, without its weights.

    Raises UserError for a folder that does not say, and for an export that the model has not.
    """
    reading = open_reading(folder)
    if reading.writes and "onnx" in recipe.export:
        raise UserError(
            "A model that writes token by token can't be had as one graph: it would hear the sound again for each.",
            remedy="Leave onnx out of 'export'; adapter and merged take it.",
        )
    return reading, script_of(AutoConfig.from_pretrained(folder), reading, said_of(folder), recipe)


def script_of(config: Any, reading: Reading, said: Any, recipe: Recipe) -> Speller | Writer:
    """Return how texts become targets; said: the model's generation configuration, where it has one.

    Raises UserError for a tokenizer that is not the model's, and for a language that it does not know.
    """
    if reading.writes:
        return writer_of(config, reading.tokenizer, said, recipe.model.language)
    speller = speller_of(reading.tokenizer)
    if (highest := max((speller.blank, speller.space, *speller.ids.values()))) >= config.vocab_size:
        raise UserError(
            f"The tokenizer has the character {highest}, and the model places for {config.vocab_size}.",
            remedy="Check that vocab.json and config.json belong together.",
        )
    return speller


def open_recogniser(folder: Path, recipe: Recipe, reading: Reading) -> Any:
    """Return a recogniser in fp32; the head of an encoder that never had one is new.

    Raises UserError when transformers knows no recogniser for this architecture, or the folder lacks weights of it.
    """
    config = AutoConfig.from_pretrained(folder)
    if not reading.writes:
        config.pad_token_id = reading.tokenizer.pad_token_id  # what the loss takes for the blank
    cover_inside(config, changes(recipe.prep, "features"), samples=reading.raw)
    auto: Any = AutoModelForSpeechSeq2Seq if reading.writes else AutoModelForCTC
    try:
        with quiet():
            model, said = auto.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
            )
    except ValueError as error:
        raise UserError(
            f"{folder} holds a {config.model_type} model, which can't be a recogniser.", remedy=REMEDY
        ) from error
    lost = [key for key in said["missing_keys"] if not key.startswith(HEAD) and not any(one in key for one in DRAWN)]
    if lost:
        raise UserError(
            f"{folder} lacks {len(lost)} weights of a {config.model_type} model, among them {sorted(lost)[0]}.",
            remedy="They would be random numbers. Check that config.json and the weights belong together.",
        )
    return model


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's weights are."""
    return next(model.parameters()).device
