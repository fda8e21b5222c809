"""Answers in speech: how far what was spoken lies from a recording of the same text, and what a judge heard in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate import check
from engram.evaluate.flat import decode, encode, offsets_of
from engram.schema.takes import Noun


@dataclass(frozen=True)
class Heard:
    """One sound of a row that people may listen to. what: ``reference``, ``copy`` or ``answer``; content: the file."""

    row: int
    what: str
    content: bytes


# Two sounds of the same length are the same where their distances from a recording are, in dB.
SAME_DISTANCE = 0.01


@dataclass(frozen=True)
class SpokenAnswers:
    """What a model spoke.

    texts: what each row says, normalised. distances: mel-cepstral distance of each row in dB, shape (rows,).
    seconds, recorded: how long each row was spoken, and how long its recording is, shape (rows,), in seconds.
    guesses: what a judge heard in each row, None where there is no judge; judge: the judge's digest, and what it is.
    sounds: the sounds of a few rows. weights: how often each row counts, shape (rows,), or None for once each.
    """

    texts: tuple[str, ...]
    distances: NDArray[np.float64]
    seconds: NDArray[np.float64]
    recorded: NDArray[np.float64]
    guesses: tuple[str, ...] | None = None
    judge: str = ""
    sounds: tuple[Heard, ...] = ()
    weights: NDArray[np.int64] | None = None

    noun: ClassVar[Noun] = "speech"

    @property
    def rows(self) -> int:
        """How many texts were spoken."""
        return len(self.texts)

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def check(self, who: str = "the model") -> None:
        """Raise Refused for answers that can't be scored honestly.

        No rows, a row without a text, numbers that are negative or not finite, a row or a recording without any sound,
        guesses that are not one a row, and weights that are negative or not whole.
        """
        check.some_rows(self.rows, who)
        if empty := [row for row, text in enumerate(self.texts) if not text.strip()]:
            raise Refused(f"Row {empty[0]} has no text to speak ({len(empty)} such rows).")
        for name, values, least in (
            ("distances", self.distances, 0.0),
            ("seconds", self.seconds, np.nextafter(0, 1)),
            ("seconds of the recordings", self.recorded, np.nextafter(0, 1)),
        ):
            check.shape(name, values, (self.rows,))
            wrong = np.flatnonzero(~((values >= least) & (values < np.inf)))  # also true of NaN
            if len(wrong):
                told = f"The {name} of row {int(wrong[0])} are {values[wrong[0]]} ({len(wrong)} such rows)."
                raise Refused(told, remedy=f"Check that {who} did not diverge.")
        if self.guesses is not None and len(self.guesses) != self.rows:
            raise Refused(f"There are {self.rows} rows, and the judge heard {len(self.guesses)} of them.")
        check.row_weights(self.weights, self.rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both spoke the same texts, measured against the same recordings by the same judge."""
        if not isinstance(other, SpokenAnswers):
            return check.other_answers(self, other)
        if self.texts != other.texts or not np.array_equal(self.recorded, other.recorded):
            return "their texts or recordings differ."
        return "" if self.judge == other.judge else "they were heard by different judges."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether both spoke as long, and as far from its recording, within SAME_DISTANCE."""
        near = np.abs(self.distances - other.distances) <= SAME_DISTANCE
        return np.asarray((self.seconds == other.seconds) & near)

    def correct(self) -> NDArray[np.bool_] | None:
        """Tell for each row whether the judge heard its text word for word; None where there is no judge."""
        if self.guesses is None:
            return None
        return np.array([a.split() == b.split() for a, b in zip(self.texts, self.guesses, strict=True)], dtype=bool)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return texts as UTF-8 bytes with offsets, numbers as they are, and sounds as bytes with rows and offsets."""
        named: dict[str, NDArray[Any]] = {
            "distances": self.distances,
            "seconds": self.seconds,
            "recorded": self.recorded,
            "sounds": np.frombuffer(b"".join(one.content for one in self.sounds), dtype=np.uint8),
            "sound_offsets": offsets_of([len(one.content) for one in self.sounds]),
            "sound_rows": np.array([one.row for one in self.sounds], dtype=np.int64),
        }
        named["texts"], named["text_offsets"] = encode(self.texts)
        named["sound_names"], named["sound_name_offsets"] = encode([one.what for one in self.sounds])
        named["judge"], named["judge_offsets"] = encode([self.judge])
        if self.guesses is not None:
            named["guesses"], named["guess_offsets"] = encode(self.guesses)
        return named | check.given(weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; speech has no labels. Raises Refused for arrays that are missing or don't fit."""
        texts = decode("texts", *check.needed(arrays, "texts", "text_offsets"))
        distances, seconds, recorded = check.needed(arrays, "distances", "seconds", "recorded")
        data, offsets, rows = check.needed(arrays, "sounds", "sound_offsets", "sound_rows")
        check.offsets("sound_offsets", offsets, len(data))
        names = decode("sound_names", *check.needed(arrays, "sound_names", "sound_name_offsets"))
        if not len(names) == len(rows) == len(offsets) - 1:
            raise Refused("The sounds, their names and their rows do not fit together.")
        whole = data.tobytes()
        sounds = tuple(
            Heard(int(row), name, whole[start:end])
            for row, name, start, end in zip(rows, names, offsets[:-1], offsets[1:], strict=True)
        )
        guesses = None
        if "guesses" in arrays:
            guesses = decode("guesses", *check.needed(arrays, "guesses", "guess_offsets"))
        judge = decode("judge", *check.needed(arrays, "judge", "judge_offsets"))
        return cls(texts, distances, seconds, recorded, guesses, "".join(judge), sounds, arrays.get("weights"))


def samples(answers: SpokenAnswers) -> list[dict[str, Any]]:
    """Return the rows that people may listen to: ``{row, text, distance, heard, sounds: what → data: URL}``."""
    import base64

    found: dict[int, dict[str, Any]] = {}
    for one in answers.sounds:
        heard = None if answers.guesses is None else answers.guesses[one.row]
        shown = {"text": answers.texts[one.row], "distance": float(answers.distances[one.row]), "heard": heard}
        row = found.setdefault(one.row, {"row": one.row, **shown, "sounds": {}})
        row["sounds"][one.what] = f"data:audio/flac;base64,{base64.b64encode(one.content).decode()}"
    return [found[row] for row in sorted(found)]
