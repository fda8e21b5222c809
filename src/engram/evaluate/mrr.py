"""Mean reciprocal rank: how far down the first right thing stands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.vector_answers import VectorAnswers, mean_of_rows


def reciprocal(cosines: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each row 1 over the rank of its nearest right thing; of equally near ones, wrong ones stand first."""
    nearest = np.where(right, cosines, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(1.0 / (1 + ((cosines >= nearest) & ~right & np.isfinite(cosines)).sum(axis=1)))


def prepare(answers: VectorAnswers) -> Weighted:
    """Return the mean reciprocal rank as a function of the row weights."""
    return mean_of_rows(answers, reciprocal)


def compute(answers: VectorAnswers) -> float:
    """Return the mean of 1 over the rank of the first right thing, over 0 to 1 (Voorhees, TREC-8, 1999).

    >>> axes = np.eye(2, dtype=np.float32)
    >>> compute(VectorAnswers(axes, axes[::-1].copy(), np.arange(2), np.arange(2), np.full(2, -1)))
    0.5
    """
    return prepare(answers)(row_weights(answers))


def _method(answers: VectorAnswers) -> str:
    return f"cosine, gallery of {len(answers.gallery)} texts"


METRIC = Metric("mrr", "Mean reciprocal rank", "max", True, compute, prepare, VectorAnswers, _method)
