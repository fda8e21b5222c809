"""Bootstrap intervals: what the number could have been with another test set of the same size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engram.errors import UsageError
from engram.evaluate.metric import Metric, Scored, Weighted, of_weights

RESAMPLES = 10_000
FEWEST = 1_000
LEVELS = (0.025, 0.975)

Interval = tuple[float, float]
Progress = Callable[[int, int], None]


def interval(metric: Metric, answers: Scored, resamples: int = RESAMPLES, seed: int = 0) -> Interval | None:
    """Return the 95 % percentile interval of a scalar metric.

    Rows are drawn with replacement (Efron, Bootstrap Methods: Another Look at the Jackknife, 1979). None when the
    metric is not finite on some resample. Raises UsageError for 1 to 999 resamples: too few to see 2.5 % tails.
    """
    draws = resample([of_weights(metric, answers)], answers.rows, resamples=resamples, seed=seed)
    return percentile(draws[:, 0])


def paired_difference(
    metric: Metric, tuned: Scored, baseline: Scored, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """Return the 95 % percentile interval of tuned minus baseline, both scored on the same resamples.

    Drawing rows for both at once keeps what the two models have in common, such as a row that both find hard, out of
    the difference (Berg-Kirkpatrick, Burkett and Klein, An Empirical Investigation of Statistical Significance in NLP,
    2012). None and UsageError as for `interval`.
    """
    functions = [of_weights(metric, tuned), of_weights(metric, baseline)]
    draws = resample(functions, tuned.rows, resamples=resamples, seed=seed)
    return percentile(draws[:, 0] - draws[:, 1])


def resample(
    functions: Sequence[Weighted], rows: int, *, resamples: int, seed: int, on_progress: Progress | None = None
) -> NDArray[np.float64]:
    """Score every function on the same resamples; returns shape (resamples, functions).

    Each function takes row weights, shape (rows,): how often the row was drawn. `on_progress(done, resamples)` is
    called about a hundred times. 0 resamples give no lines, hence no intervals.
    """
    if resamples != 0 and resamples < FEWEST:
        raise UsageError(
            f"evaluate.bootstrap must be 0 (no intervals) or at least {FEWEST}, and it is {resamples}.",
            remedy="An interval from fewer resamples would let chance pass a gate.",
        )
    out = np.empty((resamples, len(functions)))
    bits = np.random.PCG64(seed)
    step = max(1, resamples // 100)
    for i in range(resamples):
        weights = np.bincount(_draw(bits, rows), minlength=rows)
        for j, function in enumerate(functions):
            out[i, j] = function(weights)
        if on_progress is not None and ((i + 1) % step == 0 or i + 1 == resamples):
            on_progress(i + 1, resamples)
    return out


def percentile(values: NDArray[np.float64]) -> Interval | None:
    """Return the 2.5 % and 97.5 % quantiles, or None when there are no values or some are not finite.

    >>> percentile(np.arange(1001.0))
    (25.0, 975.0)
    >>> percentile(np.array([1.0, np.nan])) is None
    True
    """
    if len(values) == 0 or not bool(np.isfinite(values).all()):
        return None
    lower, upper = np.quantile(values, LEVELS)
    return float(lower), float(upper)


def _draw(bits: np.random.PCG64, rows: int) -> NDArray[np.int64]:
    # The raw stream of PCG64 is fixed for ever and that of Generator.integers is not (NumPy's NEP 19), and these
    # draws are evidence. Multiply-shift (Lemire 2019) without rejection: its bias is below rows / 2**32.
    high = np.asarray(bits.random_raw(rows), dtype=np.uint64) >> np.uint64(32)
    return (high * np.uint64(rows) >> np.uint64(32)).astype(np.int64)
