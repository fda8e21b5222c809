"""Answers are checked before they are scored: a number from broken answers is worse than none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate.metric import Answers

SUM_TOLERANCE = 1e-3


def check_answers(answers: Answers, who: str = "the model") -> None:
    """Refuse answers that can't be scored honestly.

    Raises Refused, with the first bad row, for: no rows or no labels, lengths that differ, class indices that are not
    whole numbers from 0 to classes - 1 (a masked-out label such as -100 among them), probabilities that are not finite,
    lie outside 0 to 1 or do not sum to 1 within 0.001, and weights that are negative or not whole.

    >>> check_answers(Answers(np.array([0, -100]), np.array([0, 1]), None, ("a", "b")))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    engram.errors.Refused: The truth of row 1 is -100, ... Every scored row needs its true label.
    """
    rows, classes = len(answers.truth), len(answers.labels)
    if rows == 0:
        raise Refused(f"There are no rows to score for {who}.", remedy="Give the part at least one labelled row.")
    if classes == 0 or len(set(answers.labels)) != classes:
        raise Refused(f"Expected labels that are present and distinct, received {list(answers.labels)!r} from {who}.")
    masked = "Every scored row needs its true label."
    _check_indices("truth", answers.truth, rows, classes, masked)
    _check_indices("guess", answers.guess, rows, classes, f"Check what {who} predicts.")
    if answers.probabilities is not None:
        _check_probabilities(answers.probabilities, (rows, classes), who)
    if answers.weights is not None:
        _check_shape("weights", answers.weights, (rows,))
        if answers.weights.dtype.kind not in "iu" or bool((answers.weights < 0).any()):
            raise Refused("Row weights must be whole numbers from 0 up.")


def _check_indices(name: str, values: NDArray[Any], rows: int, classes: int, remedy: str) -> None:
    _check_shape(name, values, (rows,))
    if values.dtype.kind not in "iu":
        bad = np.flatnonzero(~np.isfinite(values)) if values.dtype.kind == "f" else np.arange(0)
        said = f"row {bad[0]} is {values[bad[0]]}" if len(bad) else f"it is of type {values.dtype}"
        raise Refused(f"The {name} must hold whole class indices, and {said}.", remedy=remedy)
    wrong = np.flatnonzero((values < 0) | (values >= classes))
    if len(wrong):
        first = int(wrong[0])
        raise Refused(
            f"The {name} of row {first} is {int(values[first])}, not a class index from 0 to {classes - 1} "
            f"({len(wrong)} such rows of {rows}).",
            remedy=remedy,
        )


def _check_probabilities(values: NDArray[Any], shape: tuple[int, int], who: str) -> None:
    _check_shape("probabilities", values, shape)
    # Written as "not inside", because every comparison with NaN is false.
    outside = np.flatnonzero(~((values >= 0.0) & (values <= 1.0 + SUM_TOLERANCE)).all(axis=1))
    if len(outside):
        row = int(outside[0])
        bad = values[row][~((values[row] >= 0.0) & (values[row] <= 1.0 + SUM_TOLERANCE))][0]
        raise Refused(
            f"A probability of row {row} is {bad}, not a number from 0 to 1 ({len(outside)} such rows).",
            remedy=f"Check that {who} did not diverge, and that it gives probabilities, not logits.",
        )
    sums = values.sum(axis=1, dtype=np.float64)
    off = np.flatnonzero(np.abs(sums - 1.0) > SUM_TOLERANCE)
    if len(off):
        row = int(off[0])
        raise Refused(
            f"The probabilities of row {row} sum to {sums[row]:.6g}, not to 1 ({len(off)} such rows).",
            remedy="Take the softmax in float32, over all the labels and no others.",
        )


def _check_shape(name: str, values: NDArray[Any], expected: tuple[int, ...]) -> None:
    if values.shape != expected:
        raise Refused(f"Expected {name} of shape {expected}, received {values.shape}.")
