"""Rows to padded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from engram.kinds.language.load import Loaded
from engram.train.batches import order_for_scoring

MASKED = -100
# Padded tokens a batch of evaluation. On a CPU what a layer makes of more no longer fits its caches and rows are padded
# further: 253 tickets took 2.7 s in batches of 1,024, 3.3 s in batches of 4,096 (docs/log.md, 2026-11-26).
SCORING_TOKENS_CPU, SCORING_TOKENS_GPU = 1024, 16_384


class Tokenised(Protocol):
    """Rows as token ids, with one target a row or one a token (MASKED where there is nothing to learn from)."""

    @property
    def ids(self) -> Sequence[Sequence[int]]:
        """Token ids of each row."""

    @property
    def targets(self) -> Sequence[int] | Sequence[Sequence[int]]:
        """What each row, or each of its tokens, should become."""

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""


def collate(loaded: Loaded, examples: Tokenised, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Pad rows to the longest of them: input_ids, attention_mask (rows, tokens); targets (rows,) or as the ids."""
    device = next(loaded.model.parameters()).device
    chosen = [examples.ids[row] for row in rows]
    width = max(1, max(map(len, chosen)))
    ids = np.full((len(chosen), width), loaded.tokenizer.pad_token_id, dtype=np.int64)
    mask = np.zeros((len(chosen), width), dtype=np.int64)
    for i, tokens in enumerate(chosen):
        ids[i, : len(tokens)] = tokens
        mask[i, : len(tokens)] = 1
    wanted: list[Any] = [examples.targets[row] for row in rows]
    if wanted and not isinstance(wanted[0], int):
        targets = np.full((len(chosen), width), MASKED, dtype=np.int64)
        for i, one in enumerate(wanted):
            targets[i, : len(one)] = one
    else:
        targets = np.array(wanted, dtype=np.int64)
    arrays = {"input_ids": ids, "attention_mask": mask, "targets": targets}
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def scoring_tokens(loaded: Loaded) -> int:
    """Return the padded tokens of a batch of evaluation on the device that holds the model."""
    device = next(loaded.model.parameters()).device
    return SCORING_TOKENS_CPU if device.type == "cpu" else SCORING_TOKENS_GPU


def scoring_batches(loaded: Loaded, examples: Tokenised) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all rows in batches for evaluation, longest first."""
    for rows in order_for_scoring(examples.lengths, scoring_tokens(loaded)):
        yield collate(loaded, examples, rows)
