"""Per-class F1: one line for each label, as a table."""

from __future__ import annotations

from typing import Any

from engram.evaluate.answers import Answers
from engram.evaluate.counts import as_table, counter
from engram.evaluate.metric import Metric, row_weights, total


def compute(answers: Answers) -> list[dict[str, Any]]:
    """Return ``{label, precision, recall, f1, support}`` for every label, in the order of the labels.

    support: rows whose truth is the label. A share of nothing is 0, so a label that never occurs shows 0 with support
    0. Raises Refused when there are no rows.

    >>> import numpy as np
    >>> compute(Answers(np.array([0, 0, 1]), np.array([0, 1, 1]), None, ("no", "yes")))[1]["precision"]
    0.5
    """
    weights = row_weights(answers)
    total(weights)
    return as_table(answers.labels, counter(answers)(weights))


METRIC = Metric("per_class_f1", "F1 of each class", None, False, compute)
