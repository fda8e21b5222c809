"""Rows that are longer than a model's longest input, cut into windows that overlap."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

# A window shares at least this part of its tokens with the next one, so a word near a border is seen from both sides.
OVERLAP = 4


def cut(starts: Sequence[int], total: int, capacity: int) -> list[tuple[int, int]]:
    """Return windows [begin, end) of at most `capacity` tokens that hold every word's first token.

    starts: the first token of each word, rising. total: tokens of the row. A window begins at a word and shares at
    least a quarter of its tokens with the one before it, unless one word alone is longer than that: what lies beyond
    the capacity of a word that begins its window is in no window.

    >>> cut(range(10), 10, capacity=10)
    [(0, 10)]
    >>> cut(range(10), 10, capacity=4)
    [(0, 4), (3, 7), (6, 10)]
    """
    if not starts:
        return []
    windows = [(starts[0], min(starts[0] + capacity, total))]
    while (end := windows[-1][1]) < total:
        begin = windows[-1][0]
        next_word = bisect_right(starts, begin)
        if next_word == len(starts):
            break  # the last word alone fills a window
        wanted = bisect_right(starts, end - capacity // OVERLAP) - 1
        begin = starts[max(wanted, next_word)]
        windows.append((begin, min(begin + capacity, total)))
    return windows


def owners(starts: Sequence[int], total: int, windows: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each word the window that answers it: the one in which it has most context on its poorer side.

    The border of the row is no border: there is nothing beyond it to see. Of equals the first answers.

    >>> owners(range(10), 10, cut(range(10), 10, capacity=4))
    [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    """
    if len(windows) <= 1:
        return [0] * len(starts)
    begins = [begin for begin, _ in windows]
    chosen = []
    for word, start in enumerate(starts):
        stop = starts[word + 1] if word + 1 < len(starts) else total
        best, most = -1, -float("inf")
        for window in range(bisect_right(begins, start) - 1, -1, -1):
            begin, end = windows[window]
            if start >= end:
                break
            left = float("inf") if window == 0 else start - begin
            right = float("inf") if end == total else end - stop
            if min(left, right) >= most:
                best, most = window, min(left, right)
        chosen.append(best)
    return chosen
