"""Answers to tagging questions: one tag a word, spans derived from the tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate import check
from engram.evaluate.flat import offsets_of, rows_of
from engram.evaluate.spans import find_spans, found_in, scheme_of
from engram.schema.takes import Noun


@dataclass(frozen=True)
class SpanAnswers:
    """A model's tags for the words of some rows.

    truth, guess: tag indices of all rows one after another, shape (words,). offsets: shape (rows + 1,); row i holds
    the words from offsets[i] to offsets[i + 1]. labels: tag names such as O, B-person, I-person.
    weights: how often each row counts, shape (rows,), or None for once each.
    """

    truth: NDArray[np.int64]
    guess: NDArray[np.int64]
    offsets: NDArray[np.int64]
    labels: tuple[str, ...]
    weights: NDArray[np.int64] | None = None

    noun: ClassVar[Noun] = "spans"

    @classmethod
    def of(
        cls,
        truth: Sequence[Sequence[int]],
        guess: Sequence[Sequence[int]],
        labels: Sequence[str],
        who: str = "the model",
    ) -> Self:
        """Make answers from the tag indices of each row.

        Raises Refused, with the row, when a row has another number of guessed tags than of true ones.

        >>> SpanAnswers.of([[1, 2, 0], [0]], [[1, 0, 0], [0]], ["O", "B-person", "I-person"]).offsets.tolist()
        [0, 3, 4]
        """
        if len(truth) != len(guess):
            raise Refused(f"There are true tags for {len(truth)} rows, and {who} gives tags for {len(guess)}.")
        for row, (wanted, given) in enumerate(zip(truth, guess, strict=True)):
            if len(wanted) != len(given):
                raise Refused(
                    f"Row {row} has {len(wanted)} true tags, and {who} gives {len(given)}.",
                    remedy="Each word needs one tag, also where the text was cut off.",
                )
        return cls(_joined(truth), _joined(guess), offsets_of([len(tags) for tags in truth]), tuple(labels))

    @property
    def rows(self) -> int:
        """How many rows were tagged."""
        return len(self.offsets) - 1

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def check(self, who: str = "the model") -> None:
        """Refuse answers that can't be scored honestly.

        Raises Refused, with the first bad row, for: no rows, a row without words, labels that are missing or occur
        twice, true and guessed tags of different number, tags outside 0 to labels - 1 (a masked -100 among them), and
        weights that are negative or not whole.
        """
        check.some_rows(self.rows, who)
        check.offsets("offsets", self.offsets, len(self.truth))
        bare = np.flatnonzero(np.diff(self.offsets) == 0)
        if len(bare):
            raise Refused(f"Row {int(bare[0])} has no words ({len(bare)} such rows).", remedy="Drop empty rows.")
        check.distinct_labels(self.labels, who)
        row = rows_of(self.offsets)

        def place(word: int) -> str:
            return f"word {word - int(self.offsets[row[word]])} of row {int(row[word])}"

        words, tags = len(self.truth), len(self.labels)
        check.indices("true tag", self.truth, words, tags, "Every scored word needs its true tag.", place)
        check.indices("guessed tag", self.guess, words, tags, f"Check what {who} predicts.", place)
        check.row_weights(self.weights, self.rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both know the same tags and were asked the same words, else what differs."""
        if not isinstance(other, SpanAnswers):
            return check.other_answers(self, other)
        if self.labels != other.labels:
            return "they know different labels."
        if not np.array_equal(self.offsets, other.offsets):
            return "their rows have different numbers of words."
        return "" if np.array_equal(self.truth, other.truth) else "their true tags differ."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether both guess the same tags."""
        wrong = np.r_[0, np.cumsum(self.guess != other.guess)]
        return np.asarray(wrong[self.offsets[1:]] == wrong[self.offsets[:-1]])

    def correct(self) -> NDArray[np.bool_]:
        """Tell for each row whether its spans are exactly right, shape (rows,).

        Where the tags do not mark spans, as with parts of speech, a row is right when each of its tags is.
        """
        wrong = np.zeros(self.rows, dtype=bool)
        scheme = scheme_of(self.labels)
        if scheme is None:
            wrong[rows_of(self.offsets)[self.truth != self.guess]] = True
            return ~wrong
        truth, guess = (find_spans(tags, self.offsets, scheme) for tags in (self.truth, self.guess))
        wrong[truth.row[~found_in(truth, guess)]] = True
        wrong[guess.row[~found_in(guess, truth)]] = True
        return ~wrong

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``truth``, ``guess``, ``offsets`` and, where they are given, ``weights``."""
        return {"truth": self.truth, "guess": self.guess, "offsets": self.offsets} | check.given(weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; raises Refused for a missing array."""
        truth, guess, offsets = check.needed(arrays, "truth", "guess", "offsets")
        return cls(truth, guess, offsets, tuple(labels), arrays.get("weights"))


def _joined(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    return np.array([tag for tags in rows for tag in tags], dtype=np.int64)
