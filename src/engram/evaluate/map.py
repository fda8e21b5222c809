"""mAP: average precision of found boxes over classes and over ten overlaps, COCO's first number."""

from __future__ import annotations

from engram.evaluate.average_precision import METHOD, OVERLAPS, mean_precision
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.metric import Metric, Weighted, row_weights


def prepare(answers: BoxAnswers) -> Weighted:
    """Return mAP as a function of the row weights."""
    return mean_precision(answers, OVERLAPS)


def compute(answers: BoxAnswers) -> float:
    """Return the mean average precision at overlaps of .50, .55, … .95, over classes with a true box, 0 to 1.

    Source: Lin et al., Microsoft COCO: Common Objects in Context, 2014; boxes are matched by pycocotools.
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("map", "mAP at .50 to .95", "max", True, compute, prepare, BoxAnswers, lambda _: METHOD)
