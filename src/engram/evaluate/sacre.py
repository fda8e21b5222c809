"""The doors to sacrebleu that `bleu` and `chrf` share.

sacrebleu keeps statistics of a row and works a score out from their sums; both are its own functions, so a number here
is the one that its command prints. They are marked as internal there, so pyproject.toml holds the minor version.
"""

from __future__ import annotations

from itertools import zip_longest
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram import lazy
from engram.evaluate.metric import Weighted, total
from engram.evaluate.text_answers import TextAnswers


def metrics(why: str) -> ModuleType:
    """Return sacrebleu's metrics; raises MissingExtra where it is not installed."""
    return lazy.need("sacrebleu.metrics", extra="train", why=why)


def statistics(scorer: Any, answers: TextAnswers, name: str) -> NDArray[np.float64]:
    """Return sacrebleu's counts of each row, shape (rows, counts); whole numbers, so that their sums are exact."""
    streams = list(zip_longest(*answers.references))  # sacrebleu takes first references, then second ones, …
    return np.array(scorer._extract_corpus_statistics(answers.texts(name), streams), dtype=np.float64)


def weighted(scorer: Any, counts: NDArray[np.float64]) -> Weighted:
    """Return the score, 0 to 100, as a function of the row weights."""

    def score(weights: NDArray[np.int64]) -> float:
        total(weights)
        return float(scorer._compute_score_from_stats((weights @ counts).tolist()).score)

    return score


def signature(scorer: Any, answers: TextAnswers) -> str:
    """Return what sacrebleu asks to be printed beside a score: its version and every choice that was made.

    A number of references that differs from row to row stands as ``nrefs:var``.
    """
    counts = {len(references) for references in answers.references}
    scorer.num_refs = counts.pop() if len(counts) == 1 else -1
    return f"sacrebleu {scorer.get_signature().format()}"
