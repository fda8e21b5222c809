"""Long recordings in windows that overlap, and what was heard in them as one transcript again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engram.evaluate.spoken import normalised

OVERLAP_SHARE = 12  # of a window, at each of its ends: there another window, which hears more around it, answers
MOST_COMMON = 40  # words in which the ends of two windows are looked for in each other


@dataclass(frozen=True)
class Window:
    """A part of one recording, in samples. row: whose. left, right: samples at the ends for which another answers."""

    row: int
    start: int
    stop: int
    left: int = 0
    right: int = 0


def windows_of(row: int, samples: int, most: int, step: int) -> list[Window]:
    """Return a recording's windows of at most `most` samples, which begin at multiples of `step`.

    >>> windows_of(0, 100, 100, 5)
    [Window(row=0, start=0, stop=100, left=0, right=0)]
    >>> [(one.start + one.left, one.stop - one.right) for one in windows_of(0, 260, 120, 5)]
    [(0, 110), (110, 210), (210, 260)]
    """
    if samples <= most:
        return [Window(row, 0, samples)]
    most = max(most // step, 4) * step
    overlap = max(most // OVERLAP_SHARE // step, 1) * step
    found: list[Window] = []
    start = 0
    while start + most < samples:
        found.append(Window(row, start, start + most, overlap if found else 0, overlap))
        start += most - 2 * overlap
    return [*found, Window(row, start, samples, overlap, 0)]


def join_texts(texts: Sequence[str]) -> list[str]:
    """Return what each window adds to one transcript: words that two neighbours heard both stand once.

    The end of one and the beginning of the next are laid over each other where most of their words agree, as they are
    read for the word error rate; the cut is made in the middle.

    >>> join_texts(["one two three four", "Three, four five six", "nine"])
    ['one two three', 'four five six', 'nine']
    """
    pieces = [text.split() for text in texts]
    for before, after in pairwise(pieces):
        shared = _shared([normalised(word) for word in before], [normalised(word) for word in after])
        kept = shared // 2
        del before[len(before) - kept :]
        del after[: shared - kept]
    return [" ".join(words) for words in pieces]


def _shared(before: Sequence[str], after: Sequence[str]) -> int:
    """Return how many words at the end of one stand at the beginning of the other, in half of the places at least.

    The word at the very end of a window is often half a word, and so is the first of the next.
    """
    best, score = 0, 0.5
    for count in range(1, min(len(before), len(after), MOST_COMMON) + 1):
        same = sum(one == other for one, other in zip(before[-count:], after[:count], strict=True))
        if same / count >= score:
            best, score = count, same / count
    return best
