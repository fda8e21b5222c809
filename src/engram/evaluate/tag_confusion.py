"""Confusion of tags: which tag is taken for which, word by word."""

from __future__ import annotations

from engram.evaluate.confusion_matrix import matrix
from engram.evaluate.flat import rows_of
from engram.evaluate.metric import Metric, row_weights, total
from engram.evaluate.span_answers import SpanAnswers


def compute(answers: SpanAnswers) -> list[list[int]]:
    """Return counts of words, shape (tags, tags): the row is the true tag, the column the guessed one.

    Raises Refused when there are no rows.

    >>> compute(SpanAnswers.of([[0, 1], [0]], [[0, 0], [0]], ["O", "B-person"]))
    [[2, 0], [1, 0]]
    """
    weights = row_weights(answers)
    total(weights)
    return matrix(answers.truth, answers.guess, weights[rows_of(answers.offsets)], len(answers.labels))


METRIC = Metric("tag_confusion", "Confusion of tags", None, False, compute, takes=SpanAnswers)
