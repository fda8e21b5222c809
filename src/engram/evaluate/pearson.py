"""Pearson's correlation: how nearly scores lie on a line with the true ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.score_answers import ScoreAnswers, correlation


def prepare(answers: ScoreAnswers) -> Weighted:
    """Return the correlation as a function of the row weights."""

    def of(weights: NDArray[np.int64]) -> float:
        total(weights)
        return correlation(answers.guess, answers.truth, weights)

    return of


def compute(answers: ScoreAnswers) -> float:
    """Return Pearson's correlation of scores and true ones, -1 to 1; 0 where one of them never changes.

    >>> compute(ScoreAnswers(np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0])))
    1.0
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("pearson", "Pearson's correlation", "max", True, compute, prepare, ScoreAnswers)
