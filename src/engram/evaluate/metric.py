"""What a metric is: answers in, one number or one table out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


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
    """

    name: str
    title: str
    better: Literal["max", "min"] | None
    scalar: bool
    compute: Callable[[Answers], Any]
