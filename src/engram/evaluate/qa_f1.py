"""QA F1: how much of a right answer's words a text has, and how little else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.squad import METHOD, overlaps
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers) -> Weighted:
    """Return the mean F1 of words as a function of the row weights."""
    scores = overlaps(answers.references, answers.texts("qa_f1"))

    def qa_f1(weights: NDArray[np.int64]) -> float:
        return float(weights @ scores) / total(weights)

    return qa_f1


def compute(answers: TextAnswers) -> float:
    """Return the mean over rows of the F1 of words, 0 to 1, against the reference that fits best.

    Words are those of SQuAD's reading of English; where one side has none, both must (Rajpurkar et al., Know What You
    Don't Know, 2018). Raises UsageError when nothing was generated and Refused when there are no rows.

    >>> compute(TextAnswers((("Paris, France",),), ("in the France",)))
    0.5
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("qa_f1", "QA F1", "max", True, compute, prepare, TextAnswers, lambda _: METHOD)
