"""Building a classifier from a base model: the base's body, a new head, and the adapter that the recipe asks for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from engram.errors import UserError
from engram.export.format import BaseRef
from engram.kinds.language.source import find_base
from engram.schema.recipe import Recipe
from engram.train.adapter import attach
from engram.train.randomness import seed_all


@dataclass(frozen=True)
class Loaded:
    """A model with its tokenizer. `base` is None for a model that was reopened from an export."""

    model: nn.Module
    tokenizer: Any
    labels: tuple[str, ...]
    base: BaseRef | None
    max_length: int


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the model that a recipe trains, always the same for the same recipe: the head is drawn from the seed.

    Raises NotFound when the base can't be had, UserError when it is not a text model.
    """
    base = find_base(recipe.model)
    tokenizer = open_tokenizer(base.folder)
    seed_all(recipe.train.seed)
    model = open_classifier(base.folder, labels, tokenizer)
    if recipe.train.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    seed_all(recipe.train.seed)
    tuned = attach(model, recipe.adapter, "SEQ_CLS")
    return Loaded(tuned.to(device), tokenizer, tuple(labels), base, longest(recipe.train.max_seq_length, model))


def tokenizer_of(recipe: Recipe) -> Any:
    """Return the tokenizer of the recipe's base model, without its weights."""
    return open_tokenizer(find_base(recipe.model).folder)


def open_tokenizer(folder: Path) -> Any:
    """Return the tokenizer saved in a folder, with a padding token for models that were trained without one."""
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def open_classifier(folder: Path, labels: Sequence[str], tokenizer: Any) -> Any:
    """Return a sequence classifier with `labels` in fp32, its head new where the folder holds none.

    Raises UserError when transformers knows no classifier for this architecture.
    """
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.problem_type = "single_label_classification"
    config.pad_token_id = tokenizer.pad_token_id  # what rows are padded with: a causal model pools the token before it
    try:
        with quiet():
            return AutoModelForSequenceClassification.from_pretrained(folder, config=config, dtype=torch.float32)
    except ValueError as error:
        raise UserError(
            f"{folder} holds a {config.model_type} model, which can't be made a text classifier.",
            remedy="Choose an encoder (BERT, MiniLM, …) or a causal model (Qwen2, Llama, GPT-2, …).",
        ) from error


def longest(wanted: int, model: Any) -> int:
    """Return the most tokens that recipe and model allow."""
    limit = getattr(model.config, "max_position_embeddings", None)
    return min(wanted, limit) if limit else wanted


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and reporting the new head as missing weights."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(logging.ERROR)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        transformers.logging.enable_progress_bar()  # type: ignore[no-untyped-call]
