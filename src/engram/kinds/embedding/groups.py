"""Which rows stand in a group: of one class never two, where there are groups enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def classes_of(pairs: Sequence[Sequence[int]]) -> Ints:
    """Return a class for each pair of texts, shape (pairs,): pairs that share a text, however far around, share one.

    >>> classes_of([(0, 1), (2, 3), (1, 4)]).tolist()
    [0, 1, 0]
    """
    parent: dict[int, int] = {}

    def root(text: int) -> int:
        parent.setdefault(text, text)
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for one, other in pairs:
        parent[root(other)] = root(one)
    names: dict[int, int] = {}
    return np.array([names.setdefault(root(one), len(names)) for one, _ in pairs], dtype=np.int64)


def deal(classes: Ints, size: int, seed: int, epoch: int) -> list[Ints]:
    """Deal rows into groups of about `size`, anew in each epoch: a pure function of its arguments.

    There are always ceil(rows / size) groups, whose sizes differ by one at most. The rows of a class are dealt one
    after the other, so they meet in a group only when the class has more rows than there are groups.

    >>> [group.tolist() for group in deal(np.array([0, 0, 1, 1]), 2, seed=0, epoch=0)]
    [[0, 2], [1, 3]]
    """
    count = -(-len(classes) // size)
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    mixed = random.permutation(len(classes))
    ranks = random.permutation(int(classes.max(initial=0)) + 1)
    order = mixed[np.argsort(ranks[classes[mixed]], kind="stable")]
    groups: list[list[int]] = [[] for _ in range(count)]
    where: dict[int, list[int]] = {}  # class → the groups of the layer before that have it
    for start in range(0, len(order), count):
        layer, places = order[start : start + count], random.permutation(count)
        # A class that goes on from the layer before must not come to the groups that have it already.
        taken = np.isin(places, where.get(int(classes[layer[0]]), []))
        places, where = np.concatenate([places[~taken], places[taken]]), {}
        for group, row in zip(places.tolist(), layer.tolist(), strict=False):
            groups[group].append(row)
            where.setdefault(int(classes[row]), []).append(group)
    return [np.array(sorted(group), dtype=np.int64) for group in groups]
