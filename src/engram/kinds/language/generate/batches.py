"""Sequences to padded batches, and the loss of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from engram.kinds.language import padding
from engram.kinds.language.generate.examples import Examples
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED, SCORING_TOKENS
from engram.train.batches import order_for_scoring

# Logits that one batch of scoring may make: 256 MiB in fp32, whatever the vocabulary.
SCORING_LOGITS = 2**26


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Pad sequences to the longest of them, on the right.

    input_ids, attention_mask (rows, tokens) and targets: (rows, tokens) for a decoder alone. For an encoder-decoder
    targets are (rows, answer), and decoder_input_ids are the start token and then the answer without its last.
    """
    if not examples.encoder_decoder:
        return padding.collate(loaded, examples, rows)
    config: Any = loaded.model.config
    pad, start = loaded.tokenizer.pad_token_id, config.decoder_start_token_id
    asked, answers = [examples.ids[row] for row in rows], [examples.targets[row] for row in rows]
    arrays = {
        "input_ids": _pad(asked, pad),
        "attention_mask": _pad([[1] * len(ids) for ids in asked], 0),
        "decoder_input_ids": _pad([[start, *ids[:-1]] for ids in answers], pad),
        "targets": _pad(answers, MASKED),
    }
    device = next(loaded.model.parameters()).device
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all sequences in batches for evaluation, longest first."""
    for rows in scoring_order(loaded, examples):
        yield collate(loaded, examples, rows)


def scoring_order(loaded: Loaded, examples: Examples) -> list[list[int]]:
    """Return the batches of evaluation: as many tokens as their logits have room for."""
    vocabulary = loaded.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
    return order_for_scoring(examples.lengths, min(SCORING_TOKENS, max(1, SCORING_LOGITS // vocabulary)))


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy over the tokens that are to be learned, and their number."""
    logits, targets = target_logits(model, batch)
    return functional.cross_entropy(logits, targets, reduction="sum"), len(targets)


def target_logits(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that answer a target, shape (targets, vocabulary), in fp32 at least, and the targets."""
    inputs = {name: tensor for name, tensor in batch.items() if name != "targets"}
    logits = model(**inputs, use_cache=False).logits
    wanted = batch["targets"] != MASKED
    chosen = logits[wanted]
    return chosen if chosen.dtype == torch.float64 else chosen.float(), batch["targets"][wanted]


def _pad(rows: Sequence[Sequence[int]], fill: int) -> np.ndarray:
    array = np.full((len(rows), max(1, max(map(len, rows)))), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return array
