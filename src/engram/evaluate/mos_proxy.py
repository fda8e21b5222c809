"""A stand-in for a listening test, from 1 to 5: it is worked out from distances, and nobody has listened.

The curve from a rating R of 0 to 100 to a mean opinion score is ITU-T's (recommendation G.107, 06/2015, annex B):
1 + .035 R + 7e-6 R (R - 60)(100 - R). R begins at 93.2, that recommendation's value for a connection without faults,
and loses 6 for each dB of mel-cepstral distance and 20 for each factor of e by which a row is longer or shorter than
its recording. Those two numbers are ours and were fitted to nothing: it tells models of the same recordings apart, and
is reported only. Nothing is chosen by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.spoken_answers import SpokenAnswers

WITHOUT_FAULTS, PER_DB, PER_TEMPO = 93.2, 6.0, 20.0
METHOD = (
    "a formula, not a listening test: ITU-T G.107's curve of R = 93.2 - 6 dB of MCD - 20 |ln(seconds / recorded)|; "
    "1 to 5, mean of rows"
)


def scores(answers: SpokenAnswers) -> NDArray[np.float64]:
    """Return the score of each row, shape (rows,)."""
    tempo = np.abs(np.log(answers.seconds / answers.recorded))
    rating = np.clip(WITHOUT_FAULTS - PER_DB * answers.distances - PER_TEMPO * tempo, 0.0, 100.0)
    found: NDArray[np.float64] = 1.0 + 0.035 * rating + 7e-6 * rating * (rating - 60.0) * (100.0 - rating)
    return np.clip(found, 1.0, 5.0)


def prepare(answers: SpokenAnswers) -> Weighted:
    """Return the mean score as a function of the row weights."""
    values = scores(answers)

    def mean(weights: NDArray[np.int64]) -> float:
        return float(weights @ values) / total(weights)

    return mean


def compute(answers: SpokenAnswers) -> float:
    """Return the mean over rows; raises Refused when there are none.

    >>> one = np.ones(1)
    >>> round(compute(SpokenAnswers(("a",), np.array([0.0]), one, one)), 2)
    4.41
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("mos_proxy", "MOS stand-in", "max", True, compute, prepare, SpokenAnswers, lambda _: METHOD)
