"""ROUGE-L: how much of a right text is there in the same order.

For English: words are runs of the letters a to z and digits, in lower case, and everything else parts them. Words are
not stemmed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engram.errors import UsageError
from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.text_answers import TextAnswers

METHOD = "F1 of the longest common subsequence, whole texts, words a-z and 0-9 in lower case, no stemming"

_WORD = re.compile(r"[a-z0-9]+")


def prepare(answers: TextAnswers) -> Weighted:
    """Return ROUGE-L as a function of the row weights."""
    scores = row_scores(answers.references, answers.texts("rouge_l"))

    def rouge_l(weights: NDArray[np.int64]) -> float:
        return float(weights @ scores) / total(weights)

    return rouge_l


def compute(answers: TextAnswers) -> float:
    """Return the mean over rows of the F1 of the longest common subsequence of words, 0 to 1.

    Of several references the one that fits best counts (Lin, ROUGE: A Package for Automatic Evaluation of Summaries,
    2004, with equal weight of precision and recall). Raises UsageError when nothing was generated, or when no
    reference holds a word that it can read; Refused when there are no rows.

    >>> compute(TextAnswers((("the cat sat on the mat",),), ("The cat lay on a mat.",))).__round__(4)
    0.6667
    """
    return prepare(answers)(row_weights(answers))


def row_scores(references: Sequence[Sequence[str]], guesses: Sequence[str]) -> NDArray[np.float64]:
    """Return the F1 of each row, shape (rows,)."""
    right = [[_words(text) for text in texts] for texts in references]
    if not any(words for texts in right for words in texts):
        raise UsageError(
            "ROUGE-L reads words in the letters a to z, and no reference holds one.",
            remedy="Use chrf, which reads every script.",
        )
    pairs = zip(right, map(_words, guesses), strict=True)
    return np.array([max(_f1(words, guess) for words in texts) for texts, guess in pairs], dtype=np.float64)


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    One bit for each word of `one` and a few operations on all of them for each word of `other` (Hyyrö, Bit-Parallel
    LCS-length Computation Revisited, 2004).

    >>> longest_common("a b c d".split(), "b a c x d".split())
    3
    """
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    every = (1 << len(one)) - 1
    free = every
    for word in other:
        hit = free & places.get(word, 0)
        free = ((free + hit) | (free - hit)) & every
    return len(one) - free.bit_count()


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _f1(reference: Sequence[str], guess: Sequence[str]) -> float:
    both = len(reference) + len(guess)
    return 2 * longest_common(reference, guess) / both if reference and guess else 0.0


METRIC = Metric("rouge_l", "ROUGE-L", "max", True, compute, prepare, TextAnswers, lambda _: METHOD)
