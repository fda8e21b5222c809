"""Rows whose texts are near each other: which of them go, and which must stay in one part of the split.

Texts are named by their ranks: the places of their folded digests in sorted order, which is the seeded order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.data.near import Near, learn, near_pairs
from engram.data.sketch import Sketcher

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

TEST = 2


@dataclass(frozen=True)
class Neighbours:
    """The pairs of texts that are near, shape (m,) each, and what makes two texts near."""

    near: Near
    one: Ints
    other: Ints

    def touching(self, texts: Bools) -> Bools:
        """Return which texts are near one of those given; both have one item a text."""
        import numpy as np

        found = np.zeros_like(texts)
        found[self.one[texts[self.other]]] = True
        found[self.other[texts[self.one]]] = True
        return found


def find_neighbours(sketcher: Sketcher, text: Ints, threshold: float) -> Neighbours:
    """Return which texts are near; text: the rank of each row's text, in the order in which the sketcher met them.

    Raises DataError when the texts are too much alike to be compared (`engram.data.near.near_pairs`).
    """
    import numpy as np

    sketches = sketcher.done().of(np.unique(text, return_index=True)[1])
    near = learn(sketches, threshold)
    return Neighbours(near, *near_pairs(sketches, near))


def leaks(found: Neighbours, text: Ints, level: Ints, kept: Bools) -> Bools:
    """Return which rows are near a row of a part that outranks theirs, shape (n,); such a copy goes.

    level: 0 for rows to be dealt and those of train, 1 for valid, 2 for test. A row that goes itself outranks nothing.
    """
    import numpy as np

    gone = np.zeros(len(text), dtype=bool)
    for high in (TEST, TEST - 1):
        above = np.zeros(int(text.max(initial=-1)) + 1, dtype=bool)
        above[text[kept & ~gone & (level == high)]] = True
        gone |= kept & (level < high) & found.touching(above)[text]
    return gone


def duplicates(found: Neighbours, text: Ints, rest: Ints, level: Ints, order: Ints, kept: Bools) -> Bools:
    """Return which rows are near a row of their part that stays and has the same rest, shape (n,).

    rest: label, tags or answer, by number. order: rows, the one first that is to stay. Each row that goes is near one
    that stays: a chain of texts, each a little different, does not shrink to one. Rows of test never go.
    """
    import numpy as np

    gone = np.zeros(len(text), dtype=bool)
    near: dict[int, list[int]] = {}
    for one, other in zip(found.one.tolist(), found.other.tolist(), strict=True):
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    may = kept & (level < TEST)
    # Only texts with a neighbour, and those of several rows, have to be looked at one by one.
    look = np.bincount(text[may], minlength=int(text.max(initial=-1)) + 1) > 1
    look[np.fromiter(near, dtype=np.int64, count=len(near))] = True
    rows = order[(may & look[text])[order]]
    stays: set[tuple[int, int, int]] = set()
    for row, mine, beside, part in zip(
        rows.tolist(), text[rows].tolist(), rest[rows].tolist(), level[rows].tolist(), strict=True
    ):
        if any((one, beside, part) in stays for one in (mine, *near.get(mine, ()))):
            gone[row] = True
        else:
            stays.add((mine, beside, part))
    return gone


def units(text: Ints, group: Ints | None, found: Neighbours | None) -> Ints:
    """Number rows so that those with one text, near texts or one group, also in a chain, share the number, shape (n,).

    The number is the lowest of the unit's text ranks, so it keeps the seeded order.
    """
    import numpy as np

    if group is None and found is None:
        return text
    parent = list(range(int(text.max()) + 1))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(left: int, right: int) -> None:
        one, other = root(left), root(right)
        parent[max(one, other)] = min(one, other)

    if group is not None:
        first: dict[int, int] = {}
        for mine, shared in zip(text.tolist(), group.tolist(), strict=True):
            join(mine, first.setdefault(shared, mine))
    if found is not None:
        here = np.zeros(max(len(parent), 1 + int(found.other.max(initial=-1))), dtype=bool)
        here[text] = True
        both = here[found.one] & here[found.other]
        for mine, next_to in zip(found.one[both].tolist(), found.other[both].tolist(), strict=True):
            join(mine, next_to)
    return np.array([root(mine) for mine in text.tolist()], dtype=np.int64)
