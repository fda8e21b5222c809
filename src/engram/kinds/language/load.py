"""Building a model from a base: its body, a new head where the task needs one, and the adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from transformers import AutoTokenizer

from engram.export.base import quiet as quiet
from engram.export.format import BaseRef
from engram.kinds.language.source import find_base, find_folder
from engram.kinds.language.tokens import add_tokens, make_room, token_rows
from engram.schema.recipe import Recipe
from engram.train.adapter import attach
from engram.train.randomness import seed_all


@dataclass(frozen=True)
class Loaded:
    """A model with its tokenizer. `base` is None for a model that was reopened from an export.

    max_length: the most tokens of one row. recipe: what it was built from (its template, its precision, …).
    """

    model: nn.Module
    tokenizer: Any
    labels: tuple[str, ...]
    base: BaseRef | None
    max_length: int
    recipe: Recipe | None = None


OpenModel = Callable[[Path, Sequence[str], Any], Any]


def build(
    recipe: Recipe,
    labels: Sequence[str],
    device: str,
    open_model: OpenModel,
    peft_task: str | Callable[[Any], str],
) -> Loaded:
    """Build the model that a recipe trains, always the same for the same recipe: what is new is drawn from the seed.

    open_model: (folder, labels, tokenizer) → the transformers model, in fp32. peft_task: peft's word for the task, or
    what tells it from the model.

    Raises NotFound when the base can't be had, UserError when it is no model for the task.
    """
    base = find_base(recipe.model)
    tokenizer = open_tokenizer(base.folder)
    new = add_tokens(tokenizer, recipe.model.special_tokens)
    seed_all(recipe.train.seed)
    model = open_model(base.folder, labels, tokenizer)
    if recipe.model.special_tokens:
        with quiet():
            make_room(model, tokenizer, new)
    if recipe.train.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    seed_all(recipe.train.seed)
    rows = token_rows(model, new) if recipe.adapter.type == "lora" else {}
    task_type = peft_task if isinstance(peft_task, str) else peft_task(model)
    tuned = attach(model, recipe.adapter, task_type, rows)
    longest_row = longest(recipe.train.max_seq_length, model)
    return Loaded(tuned.to(device), tokenizer, tuple(labels), base, longest_row, recipe)


def tokenizer_of(recipe: Recipe) -> Any:
    """Return the tokenizer of the recipe's base model with the recipe's special tokens, without the model's weights."""
    tokenizer = open_tokenizer(find_folder(recipe.model))
    add_tokens(tokenizer, recipe.model.special_tokens)
    return tokenizer


def open_tokenizer(folder: Path) -> Any:
    """Return the tokenizer saved in a folder, with a padding token for models that were trained without one."""
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def longest(wanted: int, model: Any) -> int:
    """Return the most tokens that recipe and model allow."""
    limit = getattr(model.config, "max_position_embeddings", None)
    return min(wanted, limit) if limit else wanted
