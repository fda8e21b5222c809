"""chrF: which runs of up to six characters the guesses share with the references, over all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.evaluate import sacre
from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers) -> Weighted:
    """Return chrF as a function of the row weights."""
    scorer = _scorer()
    return sacre.weighted(scorer, sacre.statistics(scorer, answers, "chrf"))


def compute(answers: TextAnswers) -> float:
    """Return corpus chrF2, 0 to 100 (Popović, chrF, 2015), as sacrebleu computes it with its own defaults.

    Characters without spaces, recall counting twice as much as precision; it reads every script. Raises UsageError
    when nothing was generated, Refused when there are no rows, MissingExtra without sacrebleu.

    >>> compute(TextAnswers((("猫が座った",),), ("猫が座った",))).__round__(6)
    100.0
    """
    return prepare(answers)(row_weights(answers))


def row_scores(answers: TextAnswers) -> NDArray[np.float64]:
    """Return the chrF of each row by itself, shape (rows,)."""
    scorer = _scorer()
    counts = sacre.statistics(scorer, answers, "chrf").tolist()
    return np.array([scorer._compute_score_from_stats(row).score for row in counts])


def method(answers: TextAnswers) -> str:
    """Return sacrebleu's signature."""
    return sacre.signature(_scorer(), answers)


def _scorer() -> Any:
    return sacre.metrics("to score chrF").CHRF()


METRIC = Metric("chrf", "chrF", "max", True, compute, prepare, TextAnswers, method)
