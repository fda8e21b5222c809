"""Per-type F1: one line for each type of span, as a table."""

from __future__ import annotations

from typing import Any

from engram.evaluate.counts import as_table
from engram.evaluate.metric import Metric, row_weights, total
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.span_counts import counts_by_type


def compute(answers: SpanAnswers) -> list[dict[str, Any]]:
    """Return ``{label, precision, recall, f1, support}`` for every type, in the order in which the labels name them.

    support: true spans of that type. A share of nothing is 0. Raises UsageError when the tags do not mark spans and
    Refused when there are no rows.

    >>> compute(SpanAnswers.of([[1, 2, 0, 1]], [[1, 2, 0, 0]], ["O", "B-person", "I-person"]))[0]["recall"]
    0.5
    """
    weights = row_weights(answers)
    total(weights)
    counts, types = counts_by_type(answers, weights)
    return as_table(types, counts)


METRIC = Metric("per_type_f1", "F1 of each type", None, False, compute, takes=SpanAnswers)
