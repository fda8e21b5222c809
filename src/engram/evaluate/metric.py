"""What a metric is: answers in, one number or one table out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused

Weighted = Callable[[NDArray[np.int64]], float]


@dataclass(frozen=True)
class Answers:
    """A model's answers to a set of classification questions.

    truth, guess: class indices, shape (n,). probabilities: shape (n, classes), rows summing to 1, or None.
    labels: class names. weights: how often each row counts, shape (n,), or None for once each; the bootstrap draws
    them, so every metric must honour them.
    """

    truth: NDArray[np.int64]
    guess: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None
    labels: tuple[str, ...]
    weights: NDArray[np.int64] | None = None

    def weighted(self, weights: NDArray[np.int64]) -> Answers:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)


@dataclass(frozen=True)
class Metric:
    """One measure. A scalar metric gives a float and gets an interval; any other gives a table for people.

    better: which way is better; None for tables.
    prepare: what the bootstrap calls instead of `compute` when a scalar metric has it. It does all that does not depend
        on the weights once, and returns a function of the weights alone.
    """

    name: str
    title: str
    better: Literal["max", "min"] | None
    scalar: bool
    compute: Callable[[Answers], Any]
    prepare: Callable[[Answers], Weighted] | None = None


def row_weights(answers: Answers) -> NDArray[np.int64]:
    """Return how often each row counts, shape (n,)."""
    return np.ones(len(answers.truth), dtype=np.int64) if answers.weights is None else answers.weights


def of_weights(metric: Metric, answers: Answers) -> Weighted:
    """Return a scalar metric as a function of the row weights, with everything else worked out once."""
    if metric.prepare is not None:
        return metric.prepare(answers)
    return lambda weights: float(metric.compute(answers.weighted(weights)))


def total(weights: NDArray[np.int64]) -> float:
    """Return how many rows count.

    Raises Refused when none does: a number about nothing would be a made-up number.

    >>> total(np.array([2, 0, 1]))
    3.0
    """
    rows = float(weights.sum())
    if rows <= 0:
        raise Refused("There are no rows to score.", remedy="Give the part at least one labelled row.")
    return rows
