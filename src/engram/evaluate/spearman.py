"""Spearman's correlation: whether what is more alike by the true scores is so by the model's, too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.score_answers import ScoreAnswers, correlation

DECIMALS = 9  # so that two orders of summing a cosine make no rank of their own


def ranks(values: NDArray[np.float64]) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """Return the ranks of rows as a function of how often each counts; equal ones share the middle of their ranks.

    >>> ranks(np.array([0.3, 0.1, 0.3]))(np.array([1, 2, 1])).tolist()
    [3.5, 1.5, 3.5]
    """
    _, level = np.unique(np.round(values, DECIMALS), return_inverse=True)

    def of(weights: NDArray[np.int64]) -> NDArray[np.float64]:
        held = np.bincount(level, weights=weights)
        return np.asarray((np.cumsum(held) - held + (held + 1) / 2)[level])

    return of


def prepare(answers: ScoreAnswers) -> Weighted:
    """Return the correlation as a function of the row weights."""
    ours, theirs = ranks(answers.guess), ranks(answers.truth)

    def of(weights: NDArray[np.int64]) -> float:
        total(weights)
        return correlation(ours(weights), theirs(weights), weights)

    return of


def compute(answers: ScoreAnswers) -> float:
    """Return Pearson's correlation of ranks, -1 to 1; 0 where one of both never changes (Spearman, 1904).

    >>> compute(ScoreAnswers(np.array([0.1, 0.2, 0.9]), np.array([1.0, 2.0, 3.0])))
    1.0
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("spearman", "Spearman's correlation", "max", True, compute, prepare, ScoreAnswers)
