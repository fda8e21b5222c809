"""mAP at an overlap of one half: found boxes that lie about right."""

from __future__ import annotations

from engram.evaluate.average_precision import METHOD, mean_precision
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.metric import Metric, Weighted, row_weights

HALF = (0.5,)


def prepare(answers: BoxAnswers) -> Weighted:
    """Return mAP at .50 as a function of the row weights."""
    return mean_precision(answers, HALF)


def compute(answers: BoxAnswers) -> float:
    """Return the mean average precision at an overlap of .50, over classes with a true box, 0 to 1.

    Source: Lin et al., Microsoft COCO: Common Objects in Context, 2014; boxes are matched by pycocotools.
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("map50", "mAP at .50", "max", True, compute, prepare, BoxAnswers, lambda _: METHOD)
