"""Tokens that were added to a model: the rows of its embeddings, which must outlive training, export and reopening."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


def fit_embeddings(model: Any, tokenizer: Any, mean_resizing: bool = False) -> list[int]:
    """Give a model a row for every token of its tokenizer, and return the new rows; it never shrinks.

    mean_resizing: draw the new rows around the mean of the old ones, which is how a training begins; without it they
    are quickly made, for rows that an adapter's file will replace. A model with spare rows (T5 has 28) keeps its size.

    transformers ties the output to the input embedding when it resizes a model whose config says that they are tied,
    even where the checkpoint holds two different ones (flan-t5 does). The pretrained output would be lost without a
    word, so such a model is resized as what it is.
    """
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) <= rows:
        return []
    config, output = model.config, model.get_output_embeddings()
    said = getattr(config, "tie_word_embeddings", False)
    if output is not None and output.weight is not model.get_input_embeddings().weight:
        config.tie_word_embeddings = False
    try:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=mean_resizing)
    finally:
        config.tie_word_embeddings = said
    return list(range(rows, len(tokenizer)))


def token_rows(model: Any, rows: Sequence[int]) -> dict[str, list[int]]:
    """Return peft's `trainable_token_indices` for rows that are to be trained and kept: small, and exact when reopened.

    Names the input embedding and, where there is one, the output embedding; peft trains one set of rows where they are
    tied, and keeps the rows themselves, not their difference from what a resize would draw.
    """
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    names = [name for name, part in model.named_modules() if any(part is layer for layer in layers)]
    return {name.rsplit(".", 1)[-1]: list(rows) for name in names} if rows else {}


def keeps_rows(model: Any, rows: Sequence[int]) -> bool:
    """Tell whether a peft model's adapter holds these rows of each embedding, so that a file of it is enough."""
    return all(
        layer is None or _holds(layer, set(rows))
        for layer in (model.get_input_embeddings(), model.get_output_embeddings())
    )


def clean_tokenizer(tokenizer: Any) -> Any:
    """Return a copy without the truncation and padding of its last use, which its file would carry otherwise."""
    fresh = copy.deepcopy(tokenizer)
    if backend := getattr(fresh, "backend_tokenizer", None):
        backend.no_truncation()
        backend.no_padding()
    return fresh


def _holds(layer: Any, rows: set[int]) -> bool:
    from peft.utils.other import ModulesToSaveWrapper, TrainableTokensWrapper

    if isinstance(layer, TrainableTokensWrapper):
        return rows <= set(layer.token_adapter.token_indices["default"])
    return isinstance(layer, ModulesToSaveWrapper)
