"""Answers in text: what a model wrote, what it should have written, and how surprised it was by that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused, UsageError
from engram.evaluate import check
from engram.evaluate.flat import decode, encode, offsets_of
from engram.evaluate.squad import matches
from engram.schema.takes import Noun

# Two roundings of one sum of log-probabilities lie nearer than this, in nats per token.
SAME_LOSS = 1e-3


@dataclass(frozen=True)
class TextAnswers:
    """A model's texts.

    references: for each row one or more right texts. guesses: what the model wrote for each row, or None when nothing
    was generated. nll: for each row the negative log-likelihood of its first reference in nats, summed over tokens,
    shape (rows,); tokens: how many tokens that were, shape (rows,); both or neither.
    weights: how often each row counts, shape (rows,), or None for once each.
    """

    references: tuple[tuple[str, ...], ...]
    guesses: tuple[str, ...] | None = None
    nll: NDArray[np.float64] | None = None
    tokens: NDArray[np.int64] | None = None
    weights: NDArray[np.int64] | None = None

    noun: ClassVar[Noun] = "texts"

    @property
    def rows(self) -> int:
        """How many questions were answered."""
        return len(self.references)

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def texts(self, metric: str) -> tuple[str, ...]:
        """Return the guesses; raises UsageError, for that metric, when nothing was generated."""
        if self.guesses is None:
            raise UsageError(
                f"The metric {metric!r} needs the texts that a model writes, and this one wrote none.",
                remedy=f"Take {metric!r} out of evaluate.metrics, or let the evaluation generate.",
            )
        return self.guesses

    def losses(self, metric: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return nll and tokens; raises UsageError, for that metric, when they were not measured."""
        if self.nll is None or self.tokens is None:
            raise UsageError(
                f"The metric {metric!r} needs the likelihood of the right texts, and this model gives none.",
                remedy=f"Take {metric!r} out of evaluate.metrics.",
            )
        return self.nll, self.tokens

    def check(self, who: str = "the model") -> None:
        """Refuse answers that can't be scored honestly.

        Raises Refused, with the first bad row, for: no rows, neither guesses nor losses, a row without references or
        with an empty one, guesses that are not one text a row, texts that UTF-8 can't hold, losses that are negative or
        not finite, rows without tokens, losses without token counts, and weights that are negative or not whole.
        """
        check.some_rows(self.rows, who)
        if self.guesses is None and self.nll is None and self.tokens is None:
            raise Refused(f"There is nothing to score: {who} wrote no texts and gives no likelihoods.")
        for row, references in enumerate(self.references):
            if not references or not all(isinstance(text, str) and text.strip() for text in references):
                raise Refused(
                    f"Row {row} has no reference, or an empty one: {list(references)!r}.",
                    remedy="Every scored row needs at least one right text, and no empty ones.",
                )
            _check_texts("reference", row, references)
        if self.guesses is not None:
            if len(self.guesses) != self.rows:
                raise Refused(f"There are {self.rows} rows, and {who} wrote {len(self.guesses)} texts.")
            for row, guess in enumerate(self.guesses):
                _check_texts("guess", row, (guess,))
        _check_losses(self.nll, self.tokens, self.rows, who)
        check.row_weights(self.weights, self.rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both have the same references, and count their tokens alike; else what differs."""
        if not isinstance(other, TextAnswers):
            return check.other_answers(self, other)
        if self.references != other.references:
            return "their references differ."
        if self.tokens is None or other.tokens is None or np.array_equal(self.tokens, other.tokens):
            return ""
        return "they cut the references into different numbers of tokens, so a loss per token means different things."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether both wrote the same, or, where nothing was written, lose as much by it."""
        if self.guesses is not None and other.guesses is not None:
            return np.array([a == b for a, b in zip(self.guesses, other.guesses, strict=True)], dtype=bool)
        (ours, tokens), (theirs, _) = self.losses("loss"), other.losses("loss")
        return np.asarray(np.abs(ours - theirs) <= SAME_LOSS * np.maximum(1, tokens))

    def correct(self) -> NDArray[np.bool_] | None:
        """Tell for each row whether the guess is a reference, as `exact_match` reads it; None without guesses."""
        return None if self.guesses is None else matches(self.references, self.guesses)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the texts as UTF-8 bytes with offsets, and what else is given.

        ``references``, ``reference_offsets`` (into the bytes), ``reference_rows`` (into the references); ``guesses``
        and ``guess_offsets``; ``nll``, ``tokens``, ``weights``.
        """
        data, offsets = encode([text for references in self.references for text in references])
        rows = offsets_of([len(references) for references in self.references])
        named: dict[str, NDArray[Any]] = {"references": data, "reference_offsets": offsets, "reference_rows": rows}
        if self.guesses is not None:
            named["guesses"], named["guess_offsets"] = encode(self.guesses)
        return named | check.given(nll=self.nll, tokens=self.tokens, weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; texts have no labels. Raises Refused for arrays that are missing or do not fit.

        >>> TextAnswers.from_arrays(TextAnswers((("yes", "yeah"), ("no",)), ("yes", "")).to_arrays()).references
        (('yes', 'yeah'), ('no',))
        """
        data, offsets, rows = check.needed(arrays, "references", "reference_offsets", "reference_rows")
        texts = decode("references", data, offsets)
        check.offsets("reference_rows", rows, len(texts))
        references = tuple(texts[start:end] for start, end in pairwise(rows.tolist()))
        guesses = None
        if "guesses" in arrays:
            guesses = decode("guesses", *check.needed(arrays, "guesses", "guess_offsets"))
        return cls(references, guesses, arrays.get("nll"), arrays.get("tokens"), arrays.get("weights"))


def _check_texts(name: str, row: int, texts: Sequence[str]) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise Refused(
                f"The {name} of row {row} is {text!r}, not a text.", remedy="Where nothing was said, give ''."
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            said = f"The {name} of row {row} holds half of a surrogate pair, which is no text"
            raise Refused(f"{said} (character {error.start}).") from error


def _check_losses(nll: NDArray[Any] | None, tokens: NDArray[Any] | None, rows: int, who: str) -> None:
    if nll is None and tokens is None:
        return
    if nll is None or tokens is None:
        raise Refused("Losses and token counts belong together, and only one of them is given.")
    check.shape("losses", nll, (rows,))
    check.shape("token counts", tokens, (rows,))
    wrong = np.flatnonzero(~((nll >= 0.0) & (nll < np.inf)))  # also true of NaN
    if len(wrong):
        raise Refused(
            f"The negative log-likelihood of row {int(wrong[0])} is {nll[wrong[0]]}, not a finite number from 0 up "
            f"({len(wrong)} such rows).",
            remedy=f"Check that {who} did not diverge, and that no token has the probability 0.",
        )
    none = np.flatnonzero(tokens < 1) if tokens.dtype.kind in "iu" else np.arange(1)
    if len(none):
        raise Refused(
            f"The token count of row {int(none[0])} is {tokens[none[0]]}, not a whole number from 1 up "
            f"({len(none)} such rows).",
            remedy="A row without target tokens can't be scored; drop it, or raise train.max_seq_length.",
        )
