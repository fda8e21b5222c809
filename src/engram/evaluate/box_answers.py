"""Answers to the question what is on a picture: boxes, each with a class and a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate import check
from engram.evaluate.flat import offsets_of
from engram.schema.takes import Noun

# What is found with less certainty is no answer, and two orders of summing may bring other ones of it among the first.
LEAST_SCORE = 0.05
# How far class, left, top, width and height (pixels) and score of one box may be apart.
SAME = np.array([0.0, 0.5, 0.5, 0.5, 0.5, 2e-3])


@dataclass(frozen=True)
class BoxAnswers:
    """The true and the found boxes of some pictures.

    truth_boxes, guess_boxes: left, top, width, height in pixels, shape (boxes, 4), those of all rows one after another.
    truth, guess: class indices, shape (boxes,). scores: shape (found boxes,). truth_offsets, guess_offsets: shape
    (rows + 1,); row i holds the boxes from offsets[i] to offsets[i + 1]. labels: class names.
    weights: how often each row counts, shape (rows,), or None for once each.
    """

    truth_boxes: NDArray[np.float64]
    truth: NDArray[np.int64]
    truth_offsets: NDArray[np.int64]
    guess_boxes: NDArray[np.float64]
    guess: NDArray[np.int64]
    scores: NDArray[np.float64]
    guess_offsets: NDArray[np.int64]
    labels: tuple[str, ...]
    weights: NDArray[np.int64] | None = None

    noun: ClassVar[Noun] = "boxes"

    @classmethod
    def of(
        cls,
        truth: Sequence[tuple[Sequence[int], Sequence[Sequence[float]]]],
        guess: Sequence[tuple[Sequence[int], Sequence[Sequence[float]], Sequence[float]]],
        labels: Sequence[str],
    ) -> Self:
        """Make answers of each row's true classes and boxes, and its found classes, boxes and scores.

        Raises Refused when the two are not of the same rows.

        >>> BoxAnswers.of([([0], [[0, 0, 8, 8]]), ([], [])], [([], [], []), ([], [], [])], ["cat"]).rows
        2
        """
        if len(truth) != len(guess):
            raise Refused(f"There are true boxes of {len(truth)} pictures, and found boxes of {len(guess)}.")
        return cls(
            _boxes([box for _, boxes in truth for box in boxes]),
            np.array([one for classes, _ in truth for one in classes], dtype=np.int64),
            offsets_of([len(classes) for classes, _ in truth]),
            _boxes([box for _, boxes, _ in guess for box in boxes]),
            np.array([one for classes, _, _ in guess for one in classes], dtype=np.int64),
            np.array([one for _, _, scores in guess for one in scores], dtype=np.float64),
            offsets_of([len(classes) for classes, _, _ in guess]),
            tuple(labels),
        )

    @property
    def rows(self) -> int:
        """How many pictures were looked at."""
        return len(self.truth_offsets) - 1

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def check(self, who: str = "the model") -> None:
        """Refuse answers that can't be scored honestly.

        Raises Refused for: no rows, no true box at all, labels that are missing or occur twice, classes outside 0 to
        labels - 1, boxes that are not finite or, of the truth, have no area, scores outside 0 to 1, and arrays or
        weights that do not fit together.
        """
        check.some_rows(self.rows, who)
        check.distinct_labels(self.labels, who)
        check.offsets("truth_offsets", self.truth_offsets, len(self.truth))
        check.offsets("guess_offsets", self.guess_offsets, len(self.guess))
        if len(self.guess_offsets) != len(self.truth_offsets):
            raise Refused(f"There are {self.rows} pictures, and {who} answers {len(self.guess_offsets) - 1}.")
        if len(self.truth) == 0:
            raise Refused("There is nothing to find on any picture.", remedy="Give the part a picture with a box.")
        check.indices("true class", self.truth, len(self.truth), len(self.labels), "Every true box needs its class.")
        check.indices("found class", self.guess, len(self.guess), len(self.labels), f"Check what {who} predicts.")
        check.shape("true boxes", self.truth_boxes, (len(self.truth), 4))
        check.shape("found boxes", self.guess_boxes, (len(self.guess), 4))
        check.shape("scores", self.scores, (len(self.guess),))
        if not np.isfinite(self.truth_boxes).all() or not (self.truth_boxes[:, 2:] > 0).all():
            raise Refused("A true box is not finite or has no area.", remedy="Mend the annotations.")
        if not np.isfinite(self.guess_boxes).all() or not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise Refused(f"A box or a score of {who} is not finite, or no score.", remedy="Check that it learned.")
        check.row_weights(self.weights, self.rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both know the same classes and looked for the same boxes, else what differs."""
        if not isinstance(other, BoxAnswers):
            return check.other_answers(self, other)
        if self.labels != other.labels:
            return "they know different labels."
        same = all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("truth_offsets", "truth", "truth_boxes")
        )
        return "" if same else "their true boxes differ."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether what one finds the other finds too: its class, place and score, about the same."""
        pairs = zip(self._found(), other._found(), strict=True)
        return np.array([_among(ours, theirs) and _among(theirs, ours) for ours, theirs in pairs], dtype=bool)

    def _found(self) -> list[NDArray[np.float64]]:
        """Return class, box and score of what is found on each picture, shape (boxes, 6)."""
        return np.split(np.column_stack([self.guess, self.guess_boxes, self.scores]), self.guess_offsets[1:-1])

    def correct(self) -> None:
        """Return None: a picture's boxes are more or less right, and not right or wrong."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return each array by its name, and the weights where they are given."""
        return {name: getattr(self, name) for name in ARRAYS} | check.given(weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; raises Refused for a missing array."""
        found = dict(zip(ARRAYS, check.needed(arrays, *ARRAYS), strict=True))
        return cls(**found, labels=tuple(labels), weights=arrays.get("weights"))


ARRAYS = ("truth_boxes", "truth", "truth_offsets", "guess_boxes", "guess", "scores", "guess_offsets")


def _among(some: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    sure = some[some[:, 5] >= LEAST_SCORE]
    near = np.asarray((np.abs(sure[:, None, :] - others[None, :, :]) <= SAME).all(axis=2))
    return bool(near.any(axis=1).all())


def _boxes(given: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    return np.array(given, dtype=np.float64).reshape(-1, 4)
