"""Answers to classification questions: one class a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.evaluate import check
from engram.schema.takes import Noun


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

    noun: ClassVar[Noun] = "classes"

    @property
    def rows(self) -> int:
        """How many questions were answered."""
        return len(self.truth)

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def check(self, who: str = "the model") -> None:
        """Refuse answers that can't be scored honestly.

        Raises Refused, with the first bad row, for: no rows or no labels, lengths that differ, class indices that are
        not whole numbers from 0 to classes - 1 (a masked-out label such as -100 among them), probabilities that are not
        finite, lie outside 0 to 1 or do not sum to 1 within 0.001, and weights that are negative or not whole.

        >>> Answers(np.array([0, -100]), np.array([0, 1]), None, ("a", "b")).check()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        engram.errors.Refused: The truth of row 1 is -100, ... Every scored row needs its true label.
        """
        rows, classes = self.rows, len(self.labels)
        check.some_rows(rows, who)
        check.distinct_labels(self.labels, who)
        check.indices("truth", self.truth, rows, classes, "Every scored row needs its true label.")
        check.indices("guess", self.guess, rows, classes, f"Check what {who} predicts.")
        if self.probabilities is not None:
            check.probabilities(self.probabilities, (rows, classes), who)
        check.row_weights(self.weights, rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both know the same labels and were asked the same rows, else what differs."""
        if not isinstance(other, Answers):
            return check.other_answers(self, other)
        if self.labels != other.labels:
            return "they know different labels."
        return "" if np.array_equal(self.truth, other.truth) else "their true labels differ."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether both guess the same class."""
        return np.asarray(self.guess == other.guess)

    def correct(self) -> NDArray[np.bool_]:
        """Tell for each row whether the guess is the truth, shape (n,)."""
        right: NDArray[np.bool_] = self.truth == self.guess
        return right

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``truth``, ``guess`` and, where they are given, ``probabilities`` and ``weights``."""
        named = {"truth": self.truth, "guess": self.guess}
        return named | check.given(probabilities=self.probabilities, weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; raises Refused for a missing array.

        >>> Answers.from_arrays({"truth": np.array([0]), "guess": np.array([1])}, ["a", "b"]).rows
        1
        """
        truth, guess = check.needed(arrays, "truth", "guess")
        return cls(truth, guess, arrays.get("probabilities"), tuple(labels), arrays.get("weights"))
