"""Expected calibration error: how far a model's confidence is from how often it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.errors import UsageError
from engram.evaluate.answers import Answers
from engram.evaluate.metric import Metric, Weighted, row_weights, total

BINS = 15
EDGES = np.arange(BINS + 1) / BINS


def prepare(answers: Answers) -> Weighted:
    """Return the expected calibration error as a function of the row weights."""
    confidence, right = _confidence(answers), answers.truth == answers.guess
    bins, gap = _bins(confidence), right - confidence

    def ece(weights: NDArray[np.int64]) -> float:
        rows = total(weights)
        return float(np.abs(np.bincount(bins, weights * gap, BINS)).sum()) / rows

    return ece


def compute(answers: Answers) -> float:
    """Return the expected calibration error, 0 to 1.

    Rows are binned by the probability that the model gives its guess, in 15 bins of equal width, open below and closed
    above. The error is the mean over rows of the gap between a bin's accuracy and its mean confidence (Guo et al., On
    Calibration of Modern Neural Networks, 2017, equation 3).

    Raises UsageError when the model gives no probabilities and Refused when there are no rows.

    >>> compute(Answers(np.array([0, 1]), np.array([0, 0]), np.array([[0.75, 0.25], [0.75, 0.25]]), ("no", "yes")))
    0.25
    """
    return prepare(answers)(row_weights(answers))


def reliability(answers: Answers) -> list[dict[str, Any]]:
    """Return the reliability table: ``{lower, upper, count, confidence, accuracy}`` for each of the 15 bins.

    confidence and accuracy are means over the bin's rows, and None in an empty bin. Raises as `compute` does.
    """
    confidence, right = _confidence(answers), answers.truth == answers.guess
    weights, bins = row_weights(answers), _bins(confidence)
    total(weights)
    count = np.bincount(bins, weights, BINS)
    sure = np.bincount(bins, weights * confidence, BINS)
    hits = np.bincount(bins, weights * right, BINS)
    return [
        {
            "lower": float(EDGES[i]),
            "upper": float(EDGES[i + 1]),
            "count": int(count[i]),
            "confidence": float(sure[i] / count[i]) if count[i] else None,
            "accuracy": float(hits[i] / count[i]) if count[i] else None,
        }
        for i in range(BINS)
    ]


def _confidence(answers: Answers) -> NDArray[np.float64]:
    if answers.probabilities is None:
        raise UsageError(
            "The calibration error needs the probability of each label, and this model gives none.",
            remedy="Take 'ece' out of evaluate.metrics, or let the model's predictions return probabilities.",
        )
    return answers.probabilities[np.arange(len(answers.guess)), answers.guess]


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.searchsorted(EDGES[1:-1], confidence, side="left")


METRIC = Metric("ece", "Expected calibration error", "min", True, compute, prepare)
