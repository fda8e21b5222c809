"""Brier score: how far the probabilities lie from what came true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.errors import UsageError
from engram.evaluate.answers import Answers
from engram.evaluate.metric import Metric, Weighted, row_weights, total


def prepare(answers: Answers) -> Weighted:
    """Return the Brier score as a function of the row weights."""
    if answers.probabilities is None:
        raise UsageError(
            "The Brier score needs the probability of each label, and this model gives none.",
            remedy="Take 'brier' out of evaluate.metrics, or let the model's predictions return probabilities.",
        )
    off = answers.probabilities.astype(np.float64)
    off[np.arange(answers.rows), answers.truth] -= 1.0
    squares = (off * off).sum(axis=1)

    def brier(weights: NDArray[np.int64]) -> float:
        return float(weights @ squares) / total(weights)

    return brier


def compute(answers: Answers) -> float:
    """Return the mean over rows of the squared error of the probabilities, summed over classes, 0 to 2.

    This is the formula of Brier, Verification of Forecasts Expressed in Terms of Probability, 1950, for any number of
    classes; for two classes some give half of it. Raises UsageError when the model gives no probabilities and Refused
    when there are no rows.

    >>> compute(Answers(np.array([0]), np.array([0]), np.array([[0.75, 0.25]]), ("no", "yes")))
    0.125
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric(
    "brier", "Brier score", "min", True, compute, prepare, Answers, lambda _: "summed over the classes, 0 to 2"
)
