"""Counts of edits between transcripts, the common ground of word and character error rate, and the reading before them.

The reading is one and named, because a rate means nothing without it: Unicode's NFKC, case folded, whatever is neither
letter, mark nor digit a space, but for an apostrophe between two of them, and single spaces. Numbers are not spelt out:
``3`` and ``three`` are two words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate.metric import Weighted, total
from engram.evaluate.text_answers import TextAnswers
from engram.lazy import need

READING = "plain/1"
METHOD = f"summed edits over summed lengths; reading {READING}: NFKC, case folded, no punctuation, single spaces"
EXTRA = "speech"

_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'"})
_SPOKEN = "LMN"  # Unicode's letters, marks and numbers


def normalised(text: str) -> str:
    """Return a transcript as transcripts are compared.

    >>> normalised("“Don’t  shout” — it's HALF-past…")
    "don't shout it's half past"
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_APOSTROPHES)
    spoken = [unicodedata.category(one)[0] in _SPOKEN for one in folded]
    around = zip([False, *spoken], [*spoken[1:], False], strict=False)
    kept = [
        one if said or (one == "'" and before and after) else " "
        for one, said, (before, after) in zip(folded, spoken, around, strict=False)
    ]
    return " ".join("".join(kept).split())


def words(text: str) -> list[str]:
    """Return the words of a transcript.

    >>> words("Nine, nine; ONE.")
    ['nine', 'nine', 'one']
    """
    return normalised(text).split()


def weighted(answers: TextAnswers, metric: str, parts: Callable[[str], Sequence[str]]) -> Weighted:
    """Return, as a function of the row weights, the edits of all rows over the parts of all references.

    parts: what of a text is counted. Of several references of a row the one with the fewest edits for its length
    counts.

    Raises UsageError when nothing was written, Refused for references without a single part.
    """
    edits, lengths = counts(answers, metric, parts)

    def function(weights: NDArray[np.int64]) -> float:
        total(weights)
        length = float(weights @ lengths)
        return float(weights @ edits) / length if length else float("nan")

    if not lengths.any():
        raise Refused(
            "No reference holds a word, so there is nothing that a transcript could miss.",
            remedy="Check the texts of the test part.",
        )
    return function


def counts(
    answers: TextAnswers, metric: str, parts: Callable[[str], Sequence[str]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edits (Levenshtein 1966: insertions, deletions, substitutions) and reference length of each row.

    Raises UsageError when nothing was written.
    """
    rapidfuzz: Any = need("rapidfuzz", extra=EXTRA, why="to count the edits between transcripts")
    distance = rapidfuzz.distance.Levenshtein.distance
    edits, lengths = np.zeros(answers.rows), np.zeros(answers.rows)
    for row, (references, guess) in enumerate(zip(answers.references, answers.texts(metric), strict=True)):
        written = parts(guess)
        found = [(distance(right, written), len(right)) for right in map(parts, references)]
        edits[row], lengths[row] = min(found, key=lambda one: one[0] / max(1, one[1]))
    return edits, lengths
