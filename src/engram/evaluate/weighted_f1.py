"""Weighted F1: every class counts as often as it is the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.answers import Answers
from engram.evaluate.counts import counter, f1_of
from engram.evaluate.metric import Metric, Weighted, row_weights, total


def prepare(answers: Answers) -> Weighted:
    """Return weighted F1 as a function of the row weights."""
    count = counter(answers)

    def weighted_f1(weights: NDArray[np.int64]) -> float:
        rows = total(weights)
        counts = count(weights)
        return float(f1_of(counts) @ counts.truth) / rows

    return weighted_f1


def compute(answers: Answers) -> float:
    """Return the mean F1 of the classes, each weighted by its rows in the truth, 0 to 1.

    An F1 of nothing over nothing is 0. Raises Refused when there are no rows.

    >>> round(compute(Answers(np.array([0, 0, 1]), np.array([0, 0, 0]), None, ("a", "b"))), 4)
    0.5333
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("weighted_f1", "Weighted F1", "max", True, compute, prepare)
