"""Answers that are numbers on a scale: how alike two texts are, beside what people say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate import check
from engram.schema.takes import Noun

# Scores that lie nearer than this are one score: two roundings of one cosine.
SAME_SCORE = 1e-4


@dataclass(frozen=True)
class ScoreAnswers:
    """A model's scores, and the true ones, which may be of another scale.

    guess: the model's score of each row, shape (rows,). truth: the true one, shape (rows,).
    weights: how often each row counts, shape (rows,), or None for once each.
    """

    guess: NDArray[np.float64]
    truth: NDArray[np.float64]
    weights: NDArray[np.int64] | None = None

    noun: ClassVar[Noun] = "scores"

    @property
    def rows(self) -> int:
        """How many rows were scored."""
        return len(self.guess)

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def check(self, who: str = "the model") -> None:
        """Refuse answers that can't be scored honestly.

        Raises Refused for: no rows, scores that are not finite or not one a row, true ones that are all the same, and
        weights that are negative or not whole.
        """
        check.some_rows(self.rows, who)
        check.shape("true scores", self.truth, (self.rows,))
        for name, scores in (("score", self.guess), ("true score", self.truth)):
            wrong = np.flatnonzero(~np.isfinite(scores))
            if len(wrong):
                raise Refused(
                    f"The {name} of row {int(wrong[0])} is not finite ({len(wrong)} such of {self.rows}).",
                    remedy=f"Check that {who} did not diverge.",
                )
        if bool((self.truth == self.truth[0]).all()):
            raise Refused("All true scores are the same.", remedy="Give the part test rows of different scores.")
        check.row_weights(self.weights, self.rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both were asked about rows with the same true scores, else what differs."""
        if not isinstance(other, ScoreAnswers):
            return check.other_answers(self, other)
        return "" if np.array_equal(self.truth, other.truth) else "their true scores differ."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether both gave it the same score, within SAME_SCORE."""
        return np.asarray(np.abs(self.guess - other.guess) <= SAME_SCORE)

    def correct(self) -> NDArray[np.bool_] | None:
        """Return None: a score is more or less right."""
        return None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays under their own names."""
        return {"guess": self.guess, "truth": self.truth} | check.given(weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; raises Refused for a missing array."""
        guess, truth = check.needed(arrays, "guess", "truth")
        return cls(guess, truth, arrays.get("weights"))


def correlation(one: NDArray[np.float64], other: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    """Return Pearson's correlation of two rows of numbers, each counted so often; 0 where one of them never changes.

    >>> correlation(np.array([1.0, 2.0]), np.array([5.0, 3.0]), np.array([1, 1]))
    -1.0
    """
    count = weights.sum()
    ours, theirs = one - (weights @ one) / count, other - (weights @ other) / count
    both = float((weights * ours**2).sum()), float((weights * theirs**2).sum())
    if min(both) <= 0:
        return 0.0
    return float(np.clip((weights * ours * theirs).sum() / np.sqrt(both[0] * both[1]), -1.0, 1.0))
