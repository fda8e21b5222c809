"""Span F1: how many of the marked spans are exactly right, borders and type."""

from __future__ import annotations

from engram.evaluate import span_counts
from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.span_answers import SpanAnswers


def prepare(answers: SpanAnswers) -> Weighted:
    """Return span F1 as a function of the row weights."""
    return span_counts.weighted(
        answers, lambda hits, truth, guess: 2 * hits / (truth + guess) if truth + guess else 0.0
    )


def compute(answers: SpanAnswers) -> float:
    """Return the F1 of exact spans over all rows and types, 0 to 1.

    A span is a hit when borders and type are those of a true one (Tjong Kim Sang and De Meulder, Introduction to the
    CoNLL-2003 Shared Task, 2003). An F1 of nothing over nothing is 0. Raises UsageError when the tags do not mark spans
    and Refused when there are no rows.

    >>> compute(SpanAnswers.of([[1, 2, 0, 1]], [[1, 2, 0, 0]], ["O", "B-person", "I-person"])).__round__(4)
    0.6667
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("span_f1", "Span F1", "max", True, compute, prepare, SpanAnswers, lambda _: span_counts.METHOD)
