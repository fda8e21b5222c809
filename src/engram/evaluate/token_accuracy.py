"""Token accuracy: the share of words with the right tag."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.flat import rows_of
from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.span_answers import SpanAnswers


def prepare(answers: SpanAnswers) -> Weighted:
    """Return token accuracy as a function of the row weights."""
    words = np.diff(answers.offsets)
    right = np.bincount(rows_of(answers.offsets)[answers.truth == answers.guess], minlength=answers.rows)

    def token_accuracy(weights: NDArray[np.int64]) -> float:
        total(weights)
        return float(weights @ right) / float(weights @ words)

    return token_accuracy


def compute(answers: SpanAnswers) -> float:
    """Return the share of words whose guessed tag is the true one, 0 to 1, over all rows.

    Where most words are O it is high for a model that finds nothing; span F1 is not. Raises Refused when there are no
    rows.

    >>> compute(SpanAnswers.of([[0, 1], [0, 0]], [[0, 0], [0, 0]], ["NOUN", "VERB"]))
    0.75
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("token_accuracy", "Token accuracy", "max", True, compute, prepare, SpanAnswers)
