"""Per-class F1: one line for each label, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from engram.evaluate.counts import counter, f1_of, ratio
from engram.evaluate.metric import Answers, Metric, row_weights, total


def compute(answers: Answers) -> list[dict[str, Any]]:
    """Return ``{label, precision, recall, f1, support}`` for every label, in the order of the labels.

    support: rows whose truth is the label. A share of nothing is 0, so a label that never occurs shows 0 with support
    0. Raises Refused when there are no rows.

    >>> compute(Answers(np.array([0, 0, 1]), np.array([0, 1, 1]), None, ("no", "yes")))[1]["precision"]
    0.5
    """
    weights = row_weights(answers)
    total(weights)
    counts = counter(answers)(weights)
    columns = zip(
        answers.labels,
        ratio(counts.hits, counts.guess).tolist(),
        ratio(counts.hits, counts.truth).tolist(),
        f1_of(counts).tolist(),
        counts.truth.astype(np.int64).tolist(),
        strict=True,
    )
    names = ("label", "precision", "recall", "f1", "support")
    return [dict(zip(names, values, strict=True)) for values in columns]


METRIC = Metric("per_class_f1", "F1 of each class", None, False, compute)
