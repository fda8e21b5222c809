"""Words as people write them in haste: some left out, some swapped, some in another case, some with a slip of the hand.

Leaving out and swapping follow Wei and Zou, "EDA" (2019); here a word changes places with its neighbour only, so that
most of a sentence's order stays.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_SPACES = re.compile(r"(\s+)")
_LETTERS = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Rates:
    """How likely each kind of noise is for a word, from 0 to 1."""

    delete: float = 0.0
    swap: float = 0.0
    case: float = 0.0
    typo: float = 0.0


def noisy_text(text: str, rates: Rates, draw: random.Random) -> str:
    r"""Return a text with noise; white space between words that stay is as it was.

    >>> noisy_text("one two\tthree", Rates(swap=1.0), random.Random("7"))
    'two one\tthree'
    """
    parts = _SPACES.split(text)
    words, gaps = parts[::2], ["", *parts[1::2]]
    found = noisy_words(words, [bool(word) for word in words], rates, draw)
    return "".join((gaps[place] if at else "") + word for at, (place, word) in enumerate(found))


def noisy_words(words: Sequence[str], free: Sequence[bool], rates: Rates, draw: random.Random) -> list[tuple[int, str]]:
    """Return the words that stay, each with the place that it takes, an index into `words`.

    free: which words may be left out or swapped. Two words that are not free never come together if they were not
    together, and never part: what is between them may change, and does not vanish. At least one word stays.
    """
    places = _kept(words, free, rates.delete, draw)
    out = [words[place] for place in places]
    at = 0
    while at < len(places) - 1:
        if free[places[at]] and free[places[at + 1]] and draw.random() < rates.swap:
            out[at], out[at + 1] = out[at + 1], out[at]
            at += 1  # a word is swapped once
        at += 1
    out = [_other_case(word, draw) if draw.random() < rates.case else word for word in out]
    out = [_slip(word, draw) if draw.random() < rates.typo else word for word in out]
    return list(zip(places, out, strict=True))


def _kept(words: Sequence[str], free: Sequence[bool], rate: float, draw: random.Random) -> list[int]:
    kept: list[int] = []
    for place in range(len(words)):
        may_go = free[place] and (not kept or free[kept[-1]]) and (kept or place < len(words) - 1)
        if not (may_go and draw.random() < rate):
            kept.append(place)
    return kept


def _other_case(word: str, draw: random.Random) -> str:
    shapes = dict.fromkeys((word.lower(), word.upper(), word[:1].swapcase() + word[1:]))
    others = [shape for shape in shapes if shape != word]
    return _pick(others, draw) if others else word


def _slip(word: str, draw: random.Random) -> str:
    """Swap two letters, miss one or type one twice, in the first run of three letters or more."""
    run = _LETTERS.search(word)
    # Where letters carry marks of their own, as in Hindi, a slip would tear them apart.
    if run is None or any(unicodedata.category(sign)[0] == "M" for sign in word):
        return word
    at = _pick(range(run.start(), run.end() - 1), draw)
    one, two = word[at], word[at + 1]
    return word[:at] + _pick([two + one, one, one + one + two], draw) + word[at + 2 :]


def _pick(options: Sequence[T], draw: random.Random) -> T:
    # Of all its methods only random() is promised to draw the same in every version.
    return options[int(draw.random() * len(options))]
