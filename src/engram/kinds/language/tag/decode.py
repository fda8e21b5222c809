"""From scores to tags: the best row of tags in which every span begins with a B."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engram.kinds.language.padding import MASKED

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def may_follow(labels: Sequence[str]) -> Bools:
    """Tell which tag may stand behind which, shape (labels + 1, labels); the last row is the beginning of a row.

    I-x stands behind B-x or I-x only, if there is a tag B-x at all; everything else is free.

    >>> may_follow(["O", "B-a", "I-a"])[:, 2].tolist()
    [False, True, True, False]
    """
    legal = np.ones((len(labels) + 1, len(labels)), dtype=bool)
    for tag, begin in _begins(labels).items():
        legal[:, tag] = False
        legal[[begin, tag], tag] = True
    return legal


def decode(logits: NDArray[np.float32], offsets: Ints, labels: Sequence[str]) -> Ints:
    """Return the tags of all words, shape (words,): those with the greatest sum of logits that `may_follow` allows.

    logits: shape (words, labels). offsets: shape (rows + 1,). The search is that of Viterbi (1967), for the rows whose
    best tags, each taken by itself, do not fit together.

    >>> scores = np.array([[2, 0, 0], [0, 1, 2]], dtype=np.float32)
    >>> decode(scores, np.array([0, 2]), ["O", "B-a", "I-a"]).tolist()
    [0, 1]
    """
    tags: Ints = logits.argmax(axis=1).astype(np.int64) if len(logits) else np.zeros(0, dtype=np.int64)
    legal = may_follow(labels)
    broken = _misfits(tags, offsets, legal)
    for row in np.unique(np.searchsorted(offsets, broken, side="right") - 1):
        words = slice(offsets[row], offsets[row + 1])
        tags[words] = _best(logits[words].astype(np.float64), np.where(legal, 0.0, -np.inf))
    return tags


def begun(tags: Ints, offsets: Ints, labels: Sequence[str]) -> Ints:
    """Return true tags with a B where a span begins with an I, as in IOB1; the spans that they mark stay the same.

    A tag behind a masked one is left alone.

    >>> begun(np.array([2, 2, 0, 2]), np.array([0, 3, 4]), ["O", "B-a", "I-a"]).tolist()
    [1, 2, 0, 1]
    """
    out = tags.copy()
    begins = _begins(labels)
    for word in _misfits(tags, offsets, may_follow(labels)):
        out[word] = begins[int(tags[word])]
    return out


def _begins(labels: Sequence[str]) -> dict[int, int]:
    """Return I-x → B-x, as indices, for every label that has such a partner."""
    places = {label: place for place, label in enumerate(labels)}
    pairs = {place: places.get(f"B{label[1:]}") for label, place in places.items() if label[:2] in ("I", "I-")}
    return {tag: begin for tag, begin in pairs.items() if begin is not None}


def _misfits(tags: Ints, offsets: Ints, legal: Bools) -> Ints:
    """Return the words whose tag may not stand behind the one before it."""
    if not len(tags):
        return np.zeros(0, dtype=np.int64)
    before = np.concatenate([[MASKED], tags[:-1]])
    before[[begin for begin, end in pairwise(offsets.tolist()) if begin < end]] = len(legal) - 1
    known = (tags != MASKED) & (before != MASKED)
    return np.flatnonzero(known & ~legal[np.where(known, before, 0), np.where(known, tags, 0)])


def _best(scores: NDArray[np.float64], costs: NDArray[np.float64]) -> Ints:
    steps = np.zeros(scores.shape, dtype=np.int64)
    total = scores[0] + costs[-1]
    for word in range(1, len(scores)):
        reached = total[:, None] + costs[:-1]
        steps[word] = reached.argmax(axis=0)
        total = reached.max(axis=0) + scores[word]
    best = np.zeros(len(scores), dtype=np.int64)
    best[-1] = total.argmax()
    for word in range(len(scores) - 1, 0, -1):
        best[word - 1] = steps[word, best[word]]
    return best
