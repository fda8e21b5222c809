"""Per-class counts, the common ground of the F1 family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.answers import Answers

Floats = NDArray[np.float64]


class Counts(NamedTuple):
    """For each class: rows hit, rows of that truth, rows of that guess. Each has shape (classes,)."""

    hits: Floats
    truth: Floats
    guess: Floats


def counter(answers: Answers) -> Callable[[NDArray[np.int64]], Counts]:
    """Return a function from row weights, shape (n,), to the counts of each class."""
    truth, guess, classes = answers.truth, answers.guess, len(answers.labels)
    right = np.flatnonzero(truth == guess)
    right_truth = truth[right]

    def count(weights: NDArray[np.int64]) -> Counts:
        return Counts(
            _sums(right_truth, weights[right], classes),
            _sums(truth, weights, classes),
            _sums(guess, weights, classes),
        )

    return count


def _sums(codes: NDArray[np.int64], weights: NDArray[np.int64], classes: int) -> Floats:
    return np.bincount(codes, weights, classes).astype(np.float64, copy=False)


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide, where nothing divided by nothing is 0 (scikit-learn's ``zero_division=0``).

    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    array([0.5, 0. ])
    """
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def f1_of(counts: Counts) -> Floats:
    """Return the F1 of each class: twice the hits over the rows of that truth plus the rows of that guess.

    This is the harmonic mean of precision and recall (van Rijsbergen, Information Retrieval, 1979).
    """
    return ratio(2 * counts.hits, counts.truth + counts.guess)


def as_table(labels: Sequence[str], counts: Counts) -> list[dict[str, Any]]:
    """Return ``{label, precision, recall, f1, support}`` for each label; a share of nothing is 0.

    support: how often the label is the truth.
    """
    columns = zip(
        labels,
        ratio(counts.hits, counts.guess).tolist(),
        ratio(counts.hits, counts.truth).tolist(),
        f1_of(counts).tolist(),
        counts.truth.astype(np.int64).tolist(),
        strict=True,
    )
    names = ("label", "precision", "recall", "f1", "support")
    return [dict(zip(names, values, strict=True)) for values in columns]
