"""Tokens that a recipe adds to a model: in the tokenizer, in the embeddings, and among what is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from engram.errors import UserError
from engram.export import tokens as exported


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

    A model with spare rows keeps its size, tied weights stay tied and untied ones untied (`fit_embeddings`).
    """
    exported.fit_embeddings(model, tokenizer)
    if not new:
        return
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    older = min(new)
    layers = [inputs] if outputs is None or outputs.weight is inputs.weight else [inputs, outputs]
    with torch.no_grad():
        for layer in layers:
            layer.weight[list(new)] = layer.weight[:older].mean(dim=0)
        if getattr(outputs, "bias", None) is not None:
            outputs.bias[list(new)] = outputs.bias[:older].mean()


def token_rows(model: Any, new: Sequence[int]) -> dict[str, list[int]]:
    """Return the rows of new tokens that an adapter trains and keeps, by layer.

    Raises UserError for an output layer with a bias, which peft would drop.
    """
    if new and getattr(model.get_output_embeddings(), "bias", None) is not None:
        raise UserError(
            f"The output layer of this {model.config.model_type} has a bias, so single rows of it can't be trained.",
            remedy="Leave model.special_tokens out, or train all of it: adapter: {type: full}, export: [merged].",
        )
    return exported.token_rows(model, new)
