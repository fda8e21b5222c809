"""Answers that are vectors: what was asked, a gallery to find things in, and which of them are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate import check
from engram.evaluate.metric import Weighted, total
from engram.schema.takes import Noun

CHUNK_ROWS = 512
DECIMALS = 9
NONE = -1
# Vectors whose numbers all lie nearer than this are one vector.
SAME_VECTOR = 1e-4


@dataclass(frozen=True)
class VectorAnswers:
    """A model's vectors of questions, and of the gallery in which the right things are looked for.

    queries: float32, shape (rows, width). gallery: float32, shape (things, width). truth: the class of each question,
    shape (rows,); gallery_truth: of each thing, shape (things,), -1 for one that is right for nobody. own: the thing
    that is the question itself and is passed over, shape (rows,), -1 where there is none.
    weights: how often each row counts, shape (rows,), or None for once each.

    A row with nothing right in the gallery can't be scored and doesn't count.
    """

    queries: NDArray[np.float32]
    gallery: NDArray[np.float32]
    truth: NDArray[np.int64]
    gallery_truth: NDArray[np.int64]
    own: NDArray[np.int64]
    weights: NDArray[np.int64] | None = None

    noun: ClassVar[Noun] = "vectors"

    @property
    def rows(self) -> int:
        """How many questions were asked."""
        return len(self.queries)

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def check(self, who: str = "the model") -> None:
        """Refuse answers that can't be scored honestly.

        Raises Refused for: no rows, vectors that are not finite or zero, or of another width than the gallery's,
        classes and places that do not fit, no row with anything right in the gallery, and weights that are negative or
        not whole.
        """
        check.some_rows(self.rows, who)
        for name, vectors in (("question", self.queries), ("thing of the gallery", self.gallery)):
            if vectors.ndim != 2 or vectors.shape[1:] != self.queries.shape[1:]:
                raise Refused(f"Expected vectors of one width from {who}, received {vectors.shape}.")
            length = np.linalg.norm(vectors.astype(np.float64), axis=1)
            wrong = np.flatnonzero(~(np.isfinite(length) & (length > 0)))
            if len(wrong):
                raise Refused(
                    f"The vector of {name} {int(wrong[0])} has no direction ({len(wrong)} such of {len(vectors)}).",
                    remedy=f"Check that {who} did not diverge.",
                )
        things = len(self.gallery)
        check.shape("classes of the gallery", self.gallery_truth, (things,))
        check.shape("classes of the questions", self.truth, (self.rows,))
        check.shape("places of the questions", self.own, (self.rows,))
        if bool((self.own >= things).any()):
            raise Refused("A question is said to stand at a place that the gallery does not have.")
        if not bool((self.relevant_counts() > 0).any()):
            raise Refused(
                "No question has anything right in the gallery.",
                remedy="Give the part test pairs, or labels with two texts at least.",
            )
        check.row_weights(self.weights, self.rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both were asked the same of galleries with the same things, else what differs."""
        if not isinstance(other, VectorAnswers):
            return check.other_answers(self, other)
        pairs = (
            (self.truth, other.truth),
            (self.gallery_truth, other.gallery_truth),
            (self.own, other.own),
        )
        return "" if all(np.array_equal(one, two) for one, two in pairs) else "their questions or galleries differ."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether both gave it the same vector, number by number, within SAME_VECTOR."""
        apart = np.abs(self.queries - other.queries) if self.queries.shape == other.queries.shape else np.inf
        return np.broadcast_to(np.asarray(apart <= SAME_VECTOR).all(axis=-1), (self.rows,))

    def correct(self) -> NDArray[np.bool_] | None:
        """Return None: a question may be answered in part."""
        return None

    def relevant_counts(self) -> NDArray[np.int64]:
        """Return how many things are right for each question, shape (rows,)."""
        known, counts = np.unique(self.gallery_truth[self.gallery_truth != NONE], return_counts=True)
        found = np.zeros(self.rows, dtype=np.int64)
        if len(known):
            places = np.clip(np.searchsorted(known, self.truth), 0, len(known) - 1)
            found = np.where(known[places] == self.truth, counts[places], 0)
        passed_over = (self.own >= 0) & (self.gallery_truth[self.own] == self.truth)
        return np.asarray(found - (passed_over & (found > 0)))

    def similarities(self) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.bool_]]]:
        """Yield (rows, cosines, right) for some rows at a time, both of shape (these rows, things).

        The cosine of what is passed over is -inf, and it is not right.
        """
        queries, gallery = _unit(self.queries), _unit(self.gallery)
        for start in range(0, self.rows, CHUNK_ROWS):
            rows = slice(start, min(self.rows, start + CHUNK_ROWS))
            # Rounded, so that equal vectors are equally near in whatever order a processor adds their products up.
            cosines = np.round(queries[rows] @ gallery.T, DECIMALS)
            right = self.truth[rows, None] == self.gallery_truth[None, :]
            right &= self.gallery_truth[None, :] != NONE
            own = self.own[rows]
            asked = np.flatnonzero(own >= 0)
            cosines[asked, own[asked]] = -np.inf
            right[asked, own[asked]] = False
            yield rows, cosines, right

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays under their own names."""
        names = ("queries", "gallery", "truth", "gallery_truth", "own")
        return {name: getattr(self, name) for name in names} | check.given(weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; raises Refused for a missing array."""
        names = ("queries", "gallery", "truth", "gallery_truth", "own")
        queries, gallery, truth, gallery_truth, own = check.needed(arrays, *names)
        return cls(queries, gallery, truth, gallery_truth, own, arrays.get("weights"))


def mean_of_rows(
    answers: VectorAnswers, score: Callable[[NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]]
) -> Weighted:
    """Return the mean of a score over the rows with something right, as a function of the row weights.

    score: (cosines, right) of some rows → a number for each of them.
    """
    values = np.zeros(answers.rows)
    counted = (answers.relevant_counts() > 0).astype(np.int64)
    for rows, cosines, right in answers.similarities():
        values[rows] = score(cosines, right)
    values = np.where(counted > 0, values, 0.0)

    def mean(weights: NDArray[np.int64]) -> float:
        total(weights)
        rows = float(weights @ counted)
        return float(weights @ values) / rows if rows else float("nan")  # a resample without any such row

    return mean


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True))
