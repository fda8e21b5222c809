"""MCD: how far the spectra of speech lie from those of a recording of the same text, in dB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.spoken_answers import SpokenAnswers

METHOD = (
    "mel-cepstra of order 24, warping .42, from Hann windows of 25 ms every 5 ms; exact alignment; dB, mean of rows"
)


def prepare(answers: SpokenAnswers) -> Weighted:
    """Return the mean distance as a function of the row weights."""
    values = answers.distances.astype(np.float64)

    def mean(weights: NDArray[np.int64]) -> float:
        return float(weights @ values) / total(weights)

    return mean


def compute(answers: SpokenAnswers) -> float:
    """Return the mean over rows of the mel-cepstral distance in dB (`engram.evaluate.mel_cepstrum.distance`).

    Raises Refused when there are no rows.

    >>> one = np.ones(2)
    >>> compute(SpokenAnswers(("a", "b"), np.array([4.0, 6.0]), one, one))
    5.0
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("mcd", "Mel-cepstral distance", "min", True, compute, prepare, SpokenAnswers, lambda _: METHOD)
