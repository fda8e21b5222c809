"""Span recall: how many of the true spans are found exactly."""

from __future__ import annotations

from engram.evaluate import span_counts
from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.span_answers import SpanAnswers


def prepare(answers: SpanAnswers) -> Weighted:
    """Return span recall as a function of the row weights."""
    return span_counts.weighted(answers, lambda hits, truth, guess: hits / truth if truth else 0.0)


def compute(answers: SpanAnswers) -> float:
    """Return the share of true spans that are guessed, 0 to 1, over all rows and types.

    A share of nothing is 0. Raises UsageError when the tags do not mark spans and Refused when there are no rows.

    >>> compute(SpanAnswers.of([[1, 2, 0, 1]], [[1, 2, 0, 0]], ["O", "B-person", "I-person"]))
    0.5
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("span_recall", "Span recall", "max", True, compute, prepare, SpanAnswers, lambda _: span_counts.METHOD)
