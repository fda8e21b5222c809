"""Texts to token ids, counting what is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.kinds.embedding.modules import Plan

CHUNK_TEXTS = 1024


@dataclass(frozen=True)
class Texts:
    """Token ids of texts. total: tokens before any was cut; lost: cut off; errors: texts that gave no token at all."""

    ids: Sequence[Sequence[int]]
    total: int
    lost: int
    errors: int

    def padded(self, chosen: Sequence[int], filling: int) -> dict[str, NDArray[np.int64]]:
        """Return ``input_ids`` and ``attention_mask`` of some texts, shape (texts, tokens), padded on the right."""
        rows = [self.ids[one] for one in chosen]
        width = max(1, max(map(len, rows), default=1))
        ids = np.full((len(rows), width), filling, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for place, tokens in enumerate(rows):
            ids[place, : len(tokens)] = tokens
            mask[place, : len(tokens)] = 1
        return {"input_ids": ids, "attention_mask": mask}


def tokenise(tokenizer: Any, texts: Sequence[str], plan: Plan, longest: int) -> Texts:
    """Tokenise texts as the plan has them read, cut at `longest` tokens."""
    ids: list[list[int]] = []
    total = lost = errors = 0
    special = len(tokenizer("")["input_ids"])
    for start in range(0, len(texts), CHUNK_TEXTS):
        shown = [read_as(text, plan) for text in texts[start : start + CHUNK_TEXTS]]
        whole = tokenizer(shown, truncation=False, verbose=False)["input_ids"]
        long = max(map(len, whole), default=0) > longest
        cut = tokenizer(shown, truncation=True, max_length=longest)["input_ids"] if long else whole
        for full, kept in zip(whole, cut, strict=True):
            total += len(full)
            lost += len(full) - len(kept)
            errors += len(full) <= special
        ids.extend(cut)
    return Texts(ids, total, lost, errors)


def read_as(text: str, plan: Plan) -> str:
    """Return a text as the encoder is shown it.

    >>> read_as("Hello", Plan(prompt="query: ", lower=True))
    'query: hello'
    """
    shown = plan.prompt + text
    return shown.lower() if plan.lower else shown
