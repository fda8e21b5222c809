"""Episode length: how many steps an episode has, on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.episode_answers import EpisodeAnswers
from engram.evaluate.metric import Metric, Weighted, row_weights, total


def prepare(answers: EpisodeAnswers) -> Weighted:
    """Return the episode length as a function of the row weights."""

    def length(weights: NDArray[np.int64]) -> float:
        return float(weights @ answers.steps) / total(weights)

    return length


def compute(answers: EpisodeAnswers) -> float:
    """Return the mean of the episodes' steps; whether long is good, the environment says.

    >>> two = np.array([1, 2])
    >>> compute(EpisodeAnswers(two, np.array([3.0, 5.0]), two, two - 1))
    1.5
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("episode_length", "Episode length", "max", True, compute, prepare, EpisodeAnswers)
