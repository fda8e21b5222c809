"""Word error rate of what a judge hears in speech: how well it can be understood, as far as the judge understands."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.spoken_answers import SpokenAnswers


def prepare(answers: SpokenAnswers) -> Weighted:
    """Return the rate as a function of the row weights; it is NaN, so not measured, where there is no judge."""
    if answers.guesses is None:
        return lambda weights: math.nan
    pairs = [(text.split(), guess.split()) for text, guess in zip(answers.texts, answers.guesses, strict=True)]
    errors = np.array([edits(text, guess) for text, guess in pairs], dtype=np.int64)
    words = np.array([len(text) for text, _ in pairs], dtype=np.int64)

    def rate(weights: NDArray[np.int64]) -> float:
        total(weights)
        return float(weights @ errors) / float(weights @ words)

    return rate


def compute(answers: SpokenAnswers) -> float:
    """Return substituted, left-out and added words over the words of all texts; it may be more than 1.

    NaN where there is no judge; raises Refused when there are no rows.

    >>> one = np.ones(2)
    >>> compute(SpokenAnswers(("one two", "six"), one, one, one, ("one", "six"), "j"))
    0.3333333333333333
    """
    return prepare(answers)(row_weights(answers))


def edits(text: list[str], guess: list[str]) -> int:
    """Return the fewest words to substitute, leave out and add (Levenshtein 1966).

    >>> edits(["a", "b"], ["b", "c"])
    2
    """
    row = list(range(len(guess) + 1))
    for place, word in enumerate(text, 1):
        corner, row[0] = row[0], place
        for at, other in enumerate(guess, 1):
            corner, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, corner + (word != other))
    return row[-1]


def method(answers: SpokenAnswers) -> str:
    """Return who judged."""
    if answers.guesses is None:
        return "not measured: there is no judge. Name an artifact that hears speech as evaluate.judge"
    return f"heard by {answers.judge}"


METRIC = Metric("judge_wer", "Word errors by the judge", "min", True, compute, prepare, SpokenAnswers, method)
