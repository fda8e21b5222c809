"""Building an encoder from a base: its body, the modules after it, and the adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer

from engram.errors import UserError
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.kinds.embedding.model import Encoder
from engram.kinds.embedding.modules import Plan, read_plan
from engram.kinds.embedding.source import find_base
from engram.prep.contrast import Options as Contrast
from engram.prep.plan import grouping
from engram.schema.recipe import Recipe
from engram.train.adapter import attach
from engram.train.randomness import seed_all

POOLER = "pooler."  # a head that nothing here reads; many checkpoints come without one


@dataclass(frozen=True)
class Loaded:
    """An encoder with its tokenizer. `base` is None for one that was reopened from an export.

    max_length: the most tokens of one text. recipe: what it was built from. plan: what becomes of hidden states.
    """

    model: Any
    tokenizer: Any
    labels: tuple[str, ...]
    base: BaseRef | None
    max_length: int
    recipe: Recipe
    plan: Plan

    @property
    def contrast(self) -> Contrast:
        """How pairs are set against each other."""
        found: Contrast = grouping(self.recipe.prep) or Contrast()
        return found


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the encoder that a recipe trains: always the same for the same recipe.

    With an adapter the dense layers stay what they are, because an adapter's file holds none.

    Raises NotFound when the base can't be had, UserError when it is no encoder or the recipe asks for what it can't do.
    """
    base = find_base(recipe.model)
    _refuse(recipe)
    tokenizer, plan = open_tokenizer(base.folder), read_plan(base.folder)
    seed_all(recipe.train.seed)
    body = open_encoder(base.folder)
    if recipe.train.gradient_checkpointing:
        body.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        body.enable_input_require_grads()
    model = Encoder(body, plan, base.folder)
    if wrong := [one for one in (grouping(recipe.prep) or Contrast()).dimensions if one >= model.width]:
        raise UserError(
            f"contrast: dimensions: {wrong[0]} is no cut of vectors of {model.width} numbers.",
            remedy="Name fewer numbers than the vectors have.",
        )
    seed_all(recipe.train.seed)
    model.dense.requires_grad_(recipe.adapter.type == "full")
    model.body = attach(body, recipe.adapter, "FEATURE_EXTRACTION")
    longest = longest_text(recipe.train.max_seq_length, model.config, plan)
    return Loaded(model.to(device), tokenizer, tuple(labels), base, longest, recipe, plan)


def open_encoder(folder: Path) -> Any:
    """Return the encoder of a folder in fp32; raises UserError where it is none, or lacks weights."""
    try:
        with quiet():
            model, said = AutoModel.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True
            )
    except ValueError as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{folder} holds no encoder: {told}", remedy="Choose a model of texts.") from error
    if getattr(model.config, "is_encoder_decoder", False):
        raise UserError(
            f"{folder} holds a {model.config.model_type} model, which needs a decoder's input.",
            remedy="Choose an encoder (BERT, MiniLM, Gemma 3, …).",
        )
    lost = sorted(key for key in said["missing_keys"] if not key.startswith(POOLER))
    if lost:
        raise UserError(
            f"{folder} lacks {len(lost)} weights of a {model.config.model_type} model, among them {lost[0]}.",
            remedy="They would be random numbers. Check that config.json and the weights belong together.",
        )
    return model


def open_tokenizer(folder: Path) -> Any:
    """Return the tokenizer saved in a folder; it pads on the right."""
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def longest_text(wanted: int, config: Any, plan: Plan) -> int:
    """Return the most tokens that recipe, encoder and its modules allow."""
    limits = [wanted, getattr(config.get_text_config(), "max_position_embeddings", None), plan.longest]
    return min(int(limit) for limit in limits if limit)


def _refuse(recipe: Recipe) -> None:
    if recipe.train.packing:
        raise UserError(
            "train.packing puts texts into one sequence, and an encoder pools each of them.", remedy="Leave it out."
        )
    if recipe.model.special_tokens:
        raise UserError(
            "model.special_tokens: the kind embedding adds no tokens.", remedy="Leave them out, or choose another base."
        )
