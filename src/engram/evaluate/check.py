"""Answers are checked before they are scored: a number from broken answers is worse than none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused

SUM_TOLERANCE = 1e-3


def some_rows(rows: int, who: str) -> None:
    """Refuse to score nothing."""
    if rows <= 0:
        raise Refused(f"There are no rows to score for {who}.", remedy="Give the part at least one labelled row.")


def distinct_labels(labels: Sequence[str], who: str) -> None:
    """Refuse labels that are missing or that occur twice."""
    if len(labels) == 0 or len(set(labels)) != len(labels):
        raise Refused(f"Expected labels that are present and distinct, received {list(labels)!r} from {who}.")


def shape(name: str, values: NDArray[Any], expected: tuple[int, ...]) -> None:
    """Refuse an array of another shape."""
    if values.shape != expected:
        raise Refused(f"Expected {name} of shape {expected}, received {values.shape}.")


def _row(place: int) -> str:
    return f"row {place}"


def indices(
    name: str, values: NDArray[Any], count: int, classes: int, remedy: str, place: Callable[[int], str] = _row
) -> None:
    """Refuse what is not `count` whole numbers from 0 to classes - 1; `place` names the first bad one."""
    shape(name, values, (count,))
    if values.dtype.kind not in "iu":
        bad = np.flatnonzero(~np.isfinite(values)) if values.dtype.kind == "f" else np.arange(0)
        said = f"{place(int(bad[0]))} is {values[bad[0]]}" if len(bad) else f"it is of type {values.dtype}"
        raise Refused(f"The {name} must hold whole class indices, and {said}.", remedy=remedy)
    wrong = np.flatnonzero((values < 0) | (values >= classes))
    if len(wrong):
        first = int(wrong[0])
        raise Refused(
            f"The {name} of {place(first)} is {int(values[first])}, not a class index from 0 to {classes - 1} "
            f"({len(wrong)} such {place(0).split()[0]}s of {count}).",
            remedy=remedy,
        )


def probabilities(values: NDArray[Any], expected: tuple[int, int], who: str) -> None:
    """Refuse what is not a probability for each label, within 0.001."""
    shape("probabilities", values, expected)
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


def row_weights(weights: NDArray[Any] | None, rows: int) -> None:
    """Refuse weights that are not one whole number from 0 up for each row."""
    if weights is None:
        return
    shape("weights", weights, (rows,))
    if weights.dtype.kind not in "iu" or bool((weights < 0).any()):
        raise Refused("Row weights must be whole numbers from 0 up.")


def offsets(name: str, values: NDArray[Any], length: int) -> None:
    """Refuse offsets that do not cut `length` things into pieces: whole, from 0 to length, never falling."""
    whole = values.ndim == 1 and len(values) > 0 and values.dtype.kind in "iu"
    if not whole or values[0] != 0 or values[-1] != length or bool((values[1:] < values[:-1]).any()):
        raise Refused(f"The array {name!r} must rise from 0 to {length}, and it does not.")


def other_answers(one: Any, other: Any) -> str:
    """Return in words that two models gave answers of different kinds."""
    return f"one gives {one.noun} and the other {getattr(other, 'noun', type(other).__name__)}."


def needed(arrays: Mapping[str, NDArray[Any]], *names: str) -> list[NDArray[Any]]:
    """Return the named arrays; raises Refused when one is missing."""
    missing = [name for name in names if name not in arrays]
    if missing:
        raise Refused(f"Expected arrays named {', '.join(names)}; received {', '.join(sorted(arrays)) or 'none'}.")
    return [arrays[name] for name in names]


def given(**arrays: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    """Return the arrays that are not None.

    >>> sorted(given(one=np.zeros(1), two=None))
    ['one']
    """
    return {name: values for name, values in arrays.items() if values is not None}
