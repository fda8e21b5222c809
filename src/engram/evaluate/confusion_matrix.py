"""Confusion matrix: which class is taken for which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.answers import Answers
from engram.evaluate.metric import Metric, row_weights, total


def compute(answers: Answers) -> list[list[int]]:
    """Return counts, shape (classes, classes): the row is the truth, the column the guess.

    Raises Refused when there are no rows.

    >>> compute(Answers(np.array([0, 0, 1]), np.array([0, 1, 1]), None, ("no", "yes")))
    [[1, 1], [0, 1]]
    """
    weights = row_weights(answers)
    total(weights)
    return matrix(answers.truth, answers.guess, weights, len(answers.labels))


def matrix(
    truth: NDArray[np.int64], guess: NDArray[np.int64], weights: NDArray[np.int64], classes: int
) -> list[list[int]]:
    """Return how often each class is taken for each, shape (classes, classes); the other arrays have shape (n,)."""
    counts = np.bincount(truth * classes + guess, weights, classes * classes).astype(np.int64)
    rows: list[list[int]] = counts.reshape(classes, classes).tolist()
    return rows


METRIC = Metric("confusion_matrix", "Confusion matrix", None, False, compute)
