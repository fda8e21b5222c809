"""Tokens that a recipe adds to a model: in the tokenizer, in the embeddings, and among what is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from engram.errors import UserError


def add_tokens(tokenizer: Any, names: Sequence[str]) -> list[int]:
    """Teach a tokenizer tokens that it never splits, and return the ids of those that it did not know.

    Raises UserError for a name that is empty or has white space at its ends: tokenizers strip it, each in its own way.
    """
    for name in names:
        if not name or name != name.strip():
            raise UserError(
                f"model.special_tokens: {name!r} can't be a token.",
                remedy="Write it without white space, as <context>.",
            )
    known = tokenizer.get_vocab()
    new = [name for name in dict.fromkeys(names) if name not in known]
    if names:
        special = {"extra_special_tokens": list(dict.fromkeys(names))}
        tokenizer.add_special_tokens(special, replace_extra_special_tokens=False)
    return [int(tokenizer.convert_tokens_to_ids(name)) for name in new]


def make_room(model: Any, tokenizer: Any, new: Sequence[int]) -> None:
    """Give every token of the tokenizer a row in the embeddings; the rows `new` begin as the mean of the older ones.

    A model with spare rows (T5 has 28) keeps its size. Tied weights stay tied. Untied ones stay untied, also where the
    config says otherwise (flan-t5): transformers would tie them when it resizes, and the trained output layer be lost.
    """
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    tied = outputs is None or outputs.weight is inputs.weight
    if len(tokenizer) > inputs.weight.shape[0]:
        said = getattr(model.config, "tie_word_embeddings", False)
        model.config.tie_word_embeddings = said and tied
        try:
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        finally:
            model.config.tie_word_embeddings = said
        inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    if not new:
        return
    older = min(new)
    with torch.no_grad():
        for layer in [inputs] if tied else [inputs, outputs]:
            layer.weight[list(new)] = layer.weight[:older].mean(dim=0)
        if getattr(outputs, "bias", None) is not None:
            outputs.bias[list(new)] = outputs.bias[:older].mean()


def token_rows(model: Any, new: Sequence[int]) -> dict[str, list[int]]:
    """Return peft's `trainable_token_indices` for new tokens: layer → rows, of the output layer too where it is untied.

    Only these rows are trained and saved; the rest of the vocabulary stays the base's.

    Raises UserError for an output layer with a bias, which peft would drop.
    """
    if not new:
        return {}
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    if getattr(outputs, "bias", None) is not None:
        raise UserError(
            f"The output layer of this {model.config.model_type} has a bias, so single rows of it can't be trained.",
            remedy="Leave model.special_tokens out, or train all of it: adapter: {type: full}, export: [merged].",
        )
    layers = [inputs] if outputs is None or getattr(model.config, "tie_word_embeddings", False) else [inputs, outputs]
    return {_name(model, layer): list(new) for layer in layers}


def _name(model: nn.Module, layer: nn.Module) -> str:
    names = (name for name, part in model.named_modules() if part is layer)
    return str(next(names)).rsplit(".", 1)[-1]
