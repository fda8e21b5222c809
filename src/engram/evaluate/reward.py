"""Reward: what a policy earns in an episode, on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.episode_answers import EpisodeAnswers
from engram.evaluate.metric import Metric, Weighted, row_weights, total


def prepare(answers: EpisodeAnswers) -> Weighted:
    """Return the reward as a function of the row weights."""

    def reward(weights: NDArray[np.int64]) -> float:
        return float(weights @ answers.returns) / total(weights)

    return reward


def compute(answers: EpisodeAnswers) -> float:
    """Return the mean of the episodes' returns, each the plain sum of its rewards without a discount.

    >>> two = np.array([1, 2])
    >>> compute(EpisodeAnswers(two, np.array([3.0, 5.0]), two, two - 1))
    4.0
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric(
    "reward",
    "Reward",
    "max",
    True,
    compute,
    prepare,
    EpisodeAnswers,
    lambda _: "mean return of the episodes, undiscounted",
)
