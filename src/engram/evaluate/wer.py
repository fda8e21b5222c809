"""Word error rate: how many words must be put in, left out or changed to make the transcripts right."""

from __future__ import annotations

from engram.evaluate import spoken
from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers) -> Weighted:
    """Return the word error rate as a function of the row weights."""
    return spoken.weighted(answers, "wer", spoken.words)


def compute(answers: TextAnswers) -> float:
    """Return the edits of words over the words of the references, both summed over all rows; 0 and up.

    It passes 1 where more is written than was said. Raises UsageError when nothing was written, Refused when there are
    no rows or no words, MissingExtra without rapidfuzz.

    >>> compute(TextAnswers((("one two",), ("three four five",)), ("One, two.", "three five")))
    0.2
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric("wer", "Word error rate", "min", True, compute, prepare, TextAnswers, lambda _: spoken.METHOD)
