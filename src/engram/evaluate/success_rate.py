"""Success rate: the share of episodes that went well, as their environment defines it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.episode_answers import UNKNOWN, EpisodeAnswers
from engram.evaluate.metric import Metric, Weighted, row_weights, total


def prepare(answers: EpisodeAnswers) -> Weighted:
    """Return the success rate as a function of the row weights."""
    known = bool((answers.success != UNKNOWN).all())

    def rate(weights: NDArray[np.int64]) -> float:
        return float(weights @ answers.success) / total(weights) if known else float("nan")

    return rate


def compute(answers: EpisodeAnswers) -> float:
    """Return the share of successful episodes, 0 to 1; NaN where the environment does not say what success is.

    >>> two = np.array([1, 2])
    >>> compute(EpisodeAnswers(two, np.array([3.0, 5.0]), two, two - 1))
    0.5
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric(
    "success_rate",
    "Success rate",
    "max",
    True,
    compute,
    prepare,
    EpisodeAnswers,
    lambda answers: answers.rule or "the environment defines no success",
)
