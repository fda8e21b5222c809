"""Exact match: the share of texts that are a right one, but for case, punctuation and articles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.squad import METHOD, matches
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers) -> Weighted:
    """Return exact match as a function of the row weights."""
    right = matches(answers.references, answers.texts("exact_match")).astype(np.int64)

    def exact_match(weights: NDArray[np.int64]) -> float:
        return float(weights @ right) / total(weights)

    return exact_match


def compute(answers: TextAnswers) -> float:
    """Return the share of rows whose guess is one of the references, 0 to 1, read as SQuAD reads English.

    Raises UsageError when nothing was generated and Refused when there are no rows.

    >>> compute(TextAnswers((("The Alps",), ("no",)), ("alps", "none")))
    0.5
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric(
    "exact_match", "Exact match", "max", True, compute, prepare, TextAnswers, lambda _: METHOD, of_correct=True
)
