"""BLEU: which runs of up to four words the guesses share with the references, over all rows."""

from __future__ import annotations

from typing import Any

from engram.evaluate import sacre
from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers) -> Weighted:
    """Return BLEU as a function of the row weights."""
    scorer = _scorer()
    return sacre.weighted(scorer, sacre.statistics(scorer, answers, "bleu"))


def compute(answers: TextAnswers) -> float:
    """Return corpus BLEU, 0 to 100 (Papineni et al., BLEU, 2002), as sacrebleu computes it with its own defaults.

    13a tokens, mixed case, exponential smoothing (Post, A Call for Clarity in Reporting BLEU Scores, 2018). For
    languages that part words by spaces; chrf reads the others too. Rows of fewer than four tokens add nothing to the
    longest runs, and a set of such rows alone scores 0. Raises UsageError when nothing was generated, Refused when
    there are no rows, MissingExtra without sacrebleu.

    >>> compute(TextAnswers((("the cat sat on the mat",),), ("the cat sat on the mat",))).__round__(6)
    100.0
    """
    return prepare(answers)(row_weights(answers))


def method(answers: TextAnswers) -> str:
    """Return sacrebleu's signature."""
    return sacre.signature(_scorer(), answers)


def _scorer() -> Any:
    return sacre.metrics("to score BLEU").BLEU(force=True)  # force: no remarks about spaces before full stops


METRIC = Metric("bleu", "BLEU", "max", True, compute, prepare, TextAnswers, method)
