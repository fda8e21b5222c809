"""Accuracy: the share of rows that are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.answers import Answers
from engram.evaluate.metric import Metric, Weighted, row_weights, total


def prepare(answers: Answers) -> Weighted:
    """Return accuracy as a function of the row weights."""
    right = (answers.truth == answers.guess).astype(np.int64)

    def accuracy(weights: NDArray[np.int64]) -> float:
        return float(weights @ right) / total(weights)

    return accuracy


def compute(answers: Answers) -> float:
    """Return the share of rows whose guess is the truth, 0 to 1.

    Raises Refused when there are no rows.

    >>> compute(Answers(np.array([0, 1, 1]), np.array([0, 1, 0]), None, ("no", "yes"), np.array([1, 1, 2])))
    0.5
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("accuracy", "Accuracy", "max", True, compute, prepare, of_correct=True)
