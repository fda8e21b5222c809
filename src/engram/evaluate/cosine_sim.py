"""Cosine similarity: how near what belongs together lies.

By itself it says little: an encoder that gives every text one vector has 1. It stands beside recall, never for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.vector_answers import VectorAnswers, mean_of_rows


def nearness(cosines: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each row the mean cosine of its right things."""
    return np.asarray(np.where(right, cosines, 0.0).sum(axis=1) / np.maximum(1, right.sum(axis=1)))


def prepare(answers: VectorAnswers) -> Weighted:
    """Return the mean cosine as a function of the row weights."""
    return mean_of_rows(answers, nearness)


def compute(answers: VectorAnswers) -> float:
    """Return the mean cosine of questions and the things that are right for them, -1 to 1.

    >>> axes = np.eye(2, dtype=np.float32)
    >>> compute(VectorAnswers(axes, axes, np.arange(2), np.arange(2), np.full(2, -1)))
    1.0
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric(
    "cosine_sim",
    "Cosine similarity",
    "max",
    True,
    compute,
    prepare,
    VectorAnswers,
    lambda _: "mean over what is right for a question",
)
