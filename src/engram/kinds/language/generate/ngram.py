"""An n-gram model of token ids: what can be foretold from the two tokens before, and nothing else.

Interpolated Kneser-Ney of order three (Kneser & Ney 1995; the interpolated form of Chen & Goodman 1998), with one
absolute discount an order, and below it the uniform distribution, so that every token of the vocabulary has a chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Chances = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """What follows contexts of one length. keys: context · size + token, sorted; counts beside them.

    contexts: sorted; totals and kinds: for each the sum of its counts, and how many tokens follow it.
    """

    keys: Ids
    counts: Ids
    contexts: Ids
    totals: Ids
    kinds: Ids
    discount: float


@dataclass(frozen=True)
class Ngram:
    """A model over `vocabulary` tokens; the id `vocabulary` stands for the start of a text."""

    vocabulary: int
    triples: Level
    pairs: Level
    singles: Chances

    @property
    def start(self) -> int:
        """The id that stands where no token does."""
        return self.vocabulary


def learn(first: Ids, second: Ids, token: Ids, vocabulary: int) -> Ngram:
    """Learn from events: `token` followed `first` and `second`, each of shape (events,).

    >>> model = learn(np.array([3, 0]), np.array([0, 1]), np.array([1, 2]), vocabulary=3)
    >>> bool(np.isclose(np.exp(log_chances(model, [3] * 3, [0] * 3, [0, 1, 2])).sum(), 1.0))
    True
    """
    size = vocabulary + 1
    triple_keys, triple_counts = np.unique((first * size + second) * size + token, return_counts=True)
    pair_keys, pair_counts = np.unique(triple_keys % (size * size), return_counts=True)
    single_counts = np.bincount(pair_keys % size, minlength=size)[:vocabulary]
    discount = _discount(single_counts[single_counts > 0])
    total = max(1, int(single_counts.sum()))
    left = discount * np.count_nonzero(single_counts) / total if single_counts.any() else 1.0
    singles = np.maximum(single_counts - discount, 0.0) / total + left / vocabulary
    triples, pairs = _level(triple_keys, triple_counts, size), _level(pair_keys, pair_counts, size)
    return Ngram(vocabulary, triples, pairs, singles)


def log_chances(model: Ngram, first: Ids | list[int], second: Ids | list[int], token: Ids | list[int]) -> Chances:
    """Return the log-probability of each token after its two, in nats, shape (events,)."""
    a, b, w = (np.asarray(ids, dtype=np.int64) for ids in (first, second, token))
    size = model.vocabulary + 1
    lower = _interpolate(model.pairs, b, w, model.singles[w], size)
    return np.log(_interpolate(model.triples, a * size + b, w, lower, size))


def next_token(model: Ngram, first: int, second: int) -> int:
    """Return the most probable token; of equally probable ones the lowest.

    Tokens that were never seen after a context keep the order of the shorter one, so of these only its best can win:
    it is enough to look at what followed each context, and at the commonest token.
    """
    size = model.vocabulary + 1
    known = [_followers(model.triples, first * size + second, size), _followers(model.pairs, second, size)]
    tokens = np.unique(np.concatenate([*known, [int(model.singles.argmax())]]))
    one = np.ones(len(tokens), dtype=np.int64)
    return int(tokens[log_chances(model, first * one, second * one, tokens).argmax()])


def _level(keys: Ids, counts: Ids, size: int) -> Level:
    contexts, places, kinds = np.unique(keys // size, return_inverse=True, return_counts=True)
    totals = np.bincount(places, weights=counts, minlength=len(contexts)).astype(np.int64)
    return Level(keys, counts, contexts, totals, kinds, _discount(counts))


def _discount(counts: Ids) -> float:
    """Return n1 / (n1 + 2 n2), kept off its ends: no event may keep all of its chance, or nothing."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return float(np.clip(once / (once + 2 * twice), 0.05, 0.95)) if once + twice else 0.5


def _interpolate(level: Level, context: Ids, token: Ids, lower: Chances, size: int) -> Chances:
    count = _look_up(level.keys, level.counts, context * size + token)
    total, kinds = (_look_up(level.contexts, values, context) for values in (level.totals, level.kinds))
    seen = np.maximum(total, 1)
    left = np.where(total > 0, level.discount * kinds / seen, 1.0)
    return np.asarray(np.maximum(count - level.discount, 0.0) / seen + left * lower)


def _look_up(keys: Ids, values: Ids, wanted: Ids) -> Ids:
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def _followers(level: Level, context: int, size: int) -> Ids:
    low, high = np.searchsorted(level.keys, [context * size, (context + 1) * size])
    return level.keys[low:high] % size
