"""Macro F1: every class counts the same, however rare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.answers import Answers
from engram.evaluate.counts import counter, f1_of
from engram.evaluate.metric import Metric, Weighted, row_weights, total


def prepare(answers: Answers) -> Weighted:
    """Return macro F1 as a function of the row weights."""
    count = counter(answers)

    def macro_f1(weights: NDArray[np.int64]) -> float:
        total(weights)
        counts = count(weights)
        occurring = (counts.truth + counts.guess) > 0
        return float(f1_of(counts)[occurring].mean())

    return macro_f1


def compute(answers: Answers) -> float:
    """Return the mean F1 of the classes that occur, 0 to 1.

    A class occurs when a row that counts has it as truth or as guess; one that does neither is left out of the mean.
    This is what scikit-learn does when it is given no list of labels. In a bootstrap resample, a row of weight 0 is
    not there, so it makes no class occur. An F1 of nothing over nothing is 0.

    Raises Refused when there are no rows.

    >>> compute(Answers(np.array([0, 0, 1]), np.array([0, 0, 0]), None, ("a", "b", "never seen")))
    0.4
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("macro_f1", "Macro F1", "max", True, compute, prepare)
