"""The Merkle tree of RFC 6962 (and RFC 9162, section 2.1) over SHA-256. Hashes are 32 bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf's stored bytes, SHA-256(0x00 || content)."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Accumulator(Protocol):
    """Takes leaf hashes in order and knows the root over all of them."""

    def append(self, leaf: bytes) -> None:
        """Take the next leaf hash."""

    def root(self) -> bytes:
        """Return the root over the leaves so far."""


class Range:
    """A compact range: the roots of the perfect subtrees on the right edge, so memory is O(log n).

    >>> tree = Range()
    >>> tree.append(leaf_hash(b"a")); tree.append(leaf_hash(b"b"))
    >>> tree.root() == node_hash(leaf_hash(b"a"), leaf_hash(b"b"))
    True
    """

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Take the next leaf hash; amortised one node hash."""
        rest = self.size
        while rest & 1:
            leaf = node_hash(self._edge.pop(), leaf)
            rest >>= 1
        self._edge.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over the leaves so far."""
        if not self._edge:
            return EMPTY_ROOT
        result = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            result = node_hash(left, result)
        return result


class Tree:
    """A tree that keeps every perfect subtree (64 bytes a leaf), so that any root and any proof costs O(log² n)."""

    def __init__(self) -> None:
        self.size = 0
        self._levels: list[bytearray] = [bytearray()]

    def append(self, leaf: bytes) -> None:
        """Take the next leaf hash; amortised one node hash."""
        levels = self._levels
        levels[0] += leaf
        index, level = self.size, 0
        while index & 1:
            leaf = node_hash(bytes(levels[level][-2 * HASH_BYTES : -HASH_BYTES]), leaf)
            index, level = index >> 1, level + 1
            if level == len(levels):
                levels.append(bytearray())
            levels[level] += leaf
        self.size += 1

    def leaf(self, index: int) -> bytes:
        """Return the hash of one leaf; ValueError when there is none."""
        if not 0 <= index < self.size:
            raise ValueError(f"the tree has {self.size} leaves, so there is no leaf {index}")
        return self._node(index, index + 1)

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first ``size`` leaves (all of them when absent)."""
        size = self.size if size is None else self._within(size)
        return self._node(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of leaf ``index`` in the tree of the first ``size`` leaves (RFC 9162, 2.1.3.1).

        Raises ValueError when there is no such leaf.
        """
        if not 0 <= index < self._within(size):
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        start, end, path = 0, size, []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._node(middle, end))
                end = middle
            else:
                path.append(self._node(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of ``new`` leaves begins with the tree of ``old`` (RFC 9162, 2.1.4.1).

        Raises ValueError unless 0 ≤ old ≤ new ≤ size.
        """
        if not 0 <= old <= self._within(new):
            raise ValueError(f"a tree of {new} does not begin with one of {old}")
        if old in (0, new):
            return []
        start, end, path = 0, new, []
        whole = True  # the old tree's root is the node [0, end): the verifier has it already
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._node(middle, end))
                end = middle
            else:
                path.append(self._node(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._node(start, end))
        return path[::-1]

    def _within(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} leaves, not {size}")
        return size

    def _node(self, start: int, end: int) -> bytes:
        width = end - start
        if width & (width - 1) == 0:
            at = (start // width) * HASH_BYTES
            return bytes(self._levels[width.bit_length() - 1][at : at + HASH_BYTES])
        middle = start + _split(width)
        return node_hash(self._node(start, middle), self._node(middle, end))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether ``proof`` shows that leaf hash ``leaf`` stands at ``index`` under ``root`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, result = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            result = node_hash(step, result)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            result = node_hash(result, step)
        place, last = place >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether ``proof`` shows that the tree of ``new`` leaves begins with that of ``old`` (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    was = now = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            was, now = node_hash(step, was), node_hash(step, now)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            now = node_hash(now, step)
        place, last = place >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


def _split(width: int) -> int:
    """Return the largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)
