"""Counts of spans, the common ground of span precision, recall and F1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engram.errors import UsageError
from engram.evaluate.counts import Counts
from engram.evaluate.metric import Weighted, total
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.spans import Scheme, Spans, find_spans, found_in, scheme_of

METHOD = "exact spans, all types together; an I without a B before it begins a span, as conlleval reads it"


def spans_of(answers: SpanAnswers) -> tuple[Spans, Spans, Scheme]:
    """Return the true spans, the guessed ones, and what the tags mean.

    Raises UsageError when the tags do not mark spans.
    """
    scheme = scheme_of(answers.labels)
    if scheme is None:
        raise UsageError(
            f"Spans need the tags O, B-x and I-x (E-x and S-x are read too), and the labels are {answers.labels!r}.",
            remedy="Use token_accuracy for tags that do not mark spans.",
        )
    truth, guess = (find_spans(tags, answers.offsets, scheme) for tags in (answers.truth, answers.guess))
    return truth, guess, scheme


def weighted(answers: SpanAnswers, score: Callable[[float, float, float], float]) -> Weighted:
    """Return, as a function of the row weights, a score of three counts: spans hit, true spans, guessed spans."""
    truth, guess, _ = spans_of(answers)
    hit = found_in(truth, guess)
    columns = [np.bincount(rows, minlength=answers.rows) for rows in (truth.row[hit], truth.row, guess.row)]
    counts = np.stack(columns, axis=1).astype(np.float64)  # whole numbers, so that their sums are exact

    def function(weights: NDArray[np.int64]) -> float:
        total(weights)
        return score(*(weights @ counts).tolist())

    return function


def counts_by_type(answers: SpanAnswers, weights: NDArray[np.int64]) -> tuple[Counts, tuple[str, ...]]:
    """Return the counts of each type, shape (types,), and the types."""
    truth, guess, scheme = spans_of(answers)
    hit = found_in(truth, guess)

    def sums(spans: Spans, chosen: NDArray[np.bool_] | slice) -> NDArray[np.float64]:
        return np.bincount(spans.kind[chosen], weights[spans.row[chosen]], len(scheme.types)).astype(np.float64)

    return Counts(sums(truth, hit), sums(truth, slice(None)), sums(guess, slice(None))), scheme.types
