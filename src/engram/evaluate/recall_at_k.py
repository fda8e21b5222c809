"""Recall at 5: how much of what is right stands among the five nearest things."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.vector_answers import VectorAnswers, mean_of_rows

K = 5


def found_of(cosines: NDArray[np.float64], right: NDArray[np.bool_], k: int = K) -> NDArray[np.float64]:
    """Return for each row the share of its right things among the k nearest, of at most k that can stand there.

    Of things that are equally near, wrong ones stand first: an encoder that tells nothing apart finds nothing.
    """
    k = min(k, cosines.shape[1])
    limit = np.partition(cosines, cosines.shape[1] - k, axis=1)[:, -k, None]
    nearer, level = cosines > limit, cosines == limit
    room = k - nearer.sum(axis=1) - (level & ~right).sum(axis=1)
    hits = (nearer & right).sum(axis=1) + np.clip(room, 0, (level & right).sum(axis=1))
    return np.asarray(hits / np.maximum(1, np.minimum(k, right.sum(axis=1))))


def prepare(answers: VectorAnswers) -> Weighted:
    """Return recall at 5 as a function of the row weights."""
    return mean_of_rows(answers, found_of)


def compute(answers: VectorAnswers) -> float:
    """Return the mean over the questions of right things among the 5 nearest by cosine, 0 to 1.

    Where more than 5 things are right, 5 found are all that can be; a question with one right thing is found or not.

    >>> one = np.eye(3, dtype=np.float32)
    >>> compute(VectorAnswers(one, one, np.arange(3), np.arange(3), np.full(3, -1)))
    1.0
    """
    return prepare(answers)(row_weights(answers))


def _method(answers: VectorAnswers) -> str:
    return f"k = {K}, cosine, gallery of {len(answers.gallery)} texts"


METRIC = Metric("recall_at_k", f"Recall at {K}", "max", True, compute, prepare, VectorAnswers, _method)
