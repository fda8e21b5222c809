"""Character error rate: how many characters must be put in, left out or changed to make the transcripts right."""

from __future__ import annotations

from engram.evaluate import spoken
from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers) -> Weighted:
    """Return the character error rate as a function of the row weights."""
    return spoken.weighted(answers, "cer", spoken.normalised)


def compute(answers: TextAnswers) -> float:
    """Return the edits of characters, single spaces included, over those of the references, summed over all rows.

    Raises UsageError when nothing was written, Refused when there are no rows or no words, MissingExtra without
    rapidfuzz.

    >>> compute(TextAnswers((("one two",), ("six",)), ("one to", "Six!")))
    0.1
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("cer", "Character error rate", "min", True, compute, prepare, TextAnswers, lambda _: spoken.METHOD)
