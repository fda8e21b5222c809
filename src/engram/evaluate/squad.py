"""The reading of SQuAD: which answers in English count as the same.

Lower case, no ASCII punctuation, no articles (a, an, the), single spaces (Rajpurkar et al., SQuAD: 100,000+ Questions
for Machine Comprehension of Text, 2016; the rules of its evaluation script, version 2.0). In other languages articles
stay, and where words are not parted by spaces a whole answer is one word.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

METHOD = "SQuAD reading, for English: lower case, no punctuation, no articles"

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """Return a text as SQuAD compares it.

    >>> normalised("The  Eiffel-Tower, in Paris!")
    'eiffeltower in paris'
    """
    bare = text.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def matches(references: Sequence[Sequence[str]], guesses: Sequence[str]) -> NDArray[np.bool_]:
    """Tell for each row whether the guess is one of its references, shape (rows,).

    >>> matches([("The Alps",), ("no", "No one")], ["alps.", "none"]).tolist()
    [True, False]
    """
    pairs = zip(references, guesses, strict=True)
    found = [normalised(guess) in {normalised(text) for text in right} for right, guess in pairs]
    return np.array(found, dtype=bool)


def overlaps(references: Sequence[Sequence[str]], guesses: Sequence[str]) -> NDArray[np.float64]:
    """Return for each row the F1 of the words of the guess, against the reference that fits best, shape (rows,).

    >>> overlaps([("in Paris", "Paris, France")], ["paris"]).round(3).tolist()
    [0.667]
    """
    pairs = zip(references, guesses, strict=True)
    return np.array([max(_f1(text, guess) for text in right) for right, guess in pairs], dtype=np.float64)


def _f1(reference: str, guess: str) -> float:
    right, given = normalised(reference).split(), normalised(guess).split()
    if not right or not given:
        return float(right == given)
    common = sum((Counter(right) & Counter(given)).values())
    return 2 * common / (len(right) + len(given))
