"""Average precision of each class, as a table."""

from __future__ import annotations

import math
from typing import Any

from engram.evaluate.average_precision import match, precisions
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.metric import Metric, row_weights


def compute(answers: BoxAnswers) -> list[dict[str, Any]]:
    """Return ``{label, ap, ap50, support}`` for each class, in the order of the labels.

    ap: over overlaps of .50 to .95; None, as ap50, for a class without a true box. support: its true boxes.
    """
    weights, table = row_weights(answers), []
    for label, one in zip(answers.labels, match(answers), strict=True):
        found = precisions(one, weights)
        known = not math.isnan(found[0])
        support = int((one.truth * weights).sum())
        ap, half = (float(found.mean()), float(found[0])) if known else (None, None)
        table.append({"label": label, "ap": ap, "ap50": half, "support": support})
    return table


METRIC = Metric("per_class_ap", "Average precision of each class", None, False, compute, takes=BoxAnswers)
