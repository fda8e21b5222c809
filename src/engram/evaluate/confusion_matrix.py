"""Confusion matrix: which class is taken for which."""

from __future__ import annotations

import numpy as np

from engram.evaluate.metric import Answers, Metric, row_weights, total


def compute(answers: Answers) -> list[list[int]]:
    """Return counts, shape (classes, classes): the row is the truth, the column the guess.

    Raises Refused when there are no rows.

    >>> compute(Answers(np.array([0, 0, 1]), np.array([0, 1, 1]), None, ("no", "yes")))
    [[1, 1], [0, 1]]
    """
    weights, classes = row_weights(answers), len(answers.labels)
    total(weights)
    cells = answers.truth * classes + answers.guess
    counts = np.bincount(cells, weights, classes * classes).astype(np.int64)
    rows: list[list[int]] = counts.reshape(classes, classes).tolist()
    return rows


METRIC = Metric("confusion_matrix", "Confusion matrix", None, False, compute)
