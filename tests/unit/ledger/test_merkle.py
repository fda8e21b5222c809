"""The tree agrees with the recursive definitions of RFC 6962, for every size and every proof."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.ledger.merkle import (
    Range,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

MOST = 33
DATA = [bytes([i]) * (i % 5) for i in range(MOST)]


# The oracle: section 2.1 of RFC 6962, word for word, over the data and not over hashes.
def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    if not d:
        return hashlib.sha256().digest()
    if len(d) == 1:
        return hashlib.sha256(b"\x00" + d[0]).digest()
    k = split(len(d))
    return hashlib.sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: list[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m: int, d: list[bytes], whole: bool) -> list[bytes]:
    if m == len(d):
        return [] if whole else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*subproof(m, d[:k], whole), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


@pytest.fixture(scope="module")
def tree() -> Tree:
    made = Tree()
    for content in DATA:
        made.append(leaf_hash(content))
    return made


def test_known_answers_of_the_rfc():
    assert Range().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(b"", b"").hex() == hashlib.sha256(b"\x01").hexdigest()


def test_every_root(tree: Tree):
    edge = Range()
    for n in range(MOST + 1):
        assert tree.root(n) == mth(DATA[:n])
        assert edge.root() == mth(DATA[:n])
        if n < MOST:
            edge.append(leaf_hash(DATA[n]))
            assert tree.leaf(n) == leaf_hash(DATA[n])


def test_every_inclusion_proof(tree: Tree):
    for n in range(1, MOST + 1):
        for m in range(n):
            proof = tree.inclusion_proof(m, n)
            assert proof == path(m, DATA[:n])
            assert verify_inclusion(leaf_hash(DATA[m]), m, n, proof, mth(DATA[:n]))


def test_every_consistency_proof(tree: Tree):
    for n in range(MOST + 1):
        for m in range(n + 1):
            proof = tree.consistency_proof(m, n)
            assert proof == (subproof(m, DATA[:n], True) if m else [])
            assert verify_consistency(m, mth(DATA[:m]), n, mth(DATA[:n]), proof)


def test_an_inclusion_proof_shows_nothing_else(tree: Tree):
    for n in range(1, MOST + 1):
        root = mth(DATA[:n])
        for m in range(n):
            proof, leaf = path(m, DATA[:n]), leaf_hash(DATA[m])
            for other in range(n):
                assert verify_inclusion(leaf, other, n, proof, root) == (other == m)
            assert not verify_inclusion(leaf_hash(b"else"), m, n, proof, root)
            assert not verify_inclusion(leaf, m, n, [*proof, leaf], root)
            assert not verify_inclusion(leaf, m, n, proof, mth(DATA[: n - 1]))
            if proof:
                assert not verify_inclusion(leaf, m, n, proof[:-1], root)
                assert not verify_inclusion(leaf, m, n, proof[1:], root)


def test_a_consistency_proof_shows_nothing_else(tree: Tree):
    roots = [mth(DATA[:n]) for n in range(MOST + 1)]
    for n in range(MOST + 1):
        for m in range(n + 1):
            proof = tree.consistency_proof(m, n)
            for other in range(n + 1):
                assert verify_consistency(m, roots[other], n, roots[n], proof) == (other == m)
            assert not verify_consistency(m, roots[m], n, roots[n], [*proof, roots[m]])
            assert not verify_consistency(m, roots[m], n, b"\0" * 32, proof) or m == 0
            assert not verify_consistency(m, roots[m], n, roots[n], []) or m in (0, n)
            if proof:
                assert not verify_consistency(m, roots[m], n, roots[n], proof[:-1])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 4), (4, 4), (5, 4), (1, 1), (-1, 1)])
def test_an_index_outside_the_tree_is_never_included(index: int, size: int, tree: Tree):
    assert not verify_inclusion(leaf_hash(DATA[0]), index, size, [], leaf_hash(DATA[0]))
    with pytest.raises(ValueError, match="not in a tree"):
        tree.inclusion_proof(index, size)


@pytest.mark.parametrize("index", [-1, MOST])
def test_a_leaf_outside_the_tree_is_an_error(index: int, tree: Tree):
    with pytest.raises(ValueError, match="no leaf"):
        tree.leaf(index)
    with pytest.raises(ValueError, match="leaves"):
        tree.root(MOST + 1)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (0, MOST + 1)])
def test_a_tree_never_begins_with_a_larger_one(old: int, new: int, tree: Tree):
    with pytest.raises(ValueError, match="tree"):
        tree.consistency_proof(old, new)
    assert not verify_consistency(5, mth(DATA[:5]), 3, mth(DATA[:3]), [])


def test_nothing_is_consistent_with_an_empty_tree_of_another_root():
    assert not verify_consistency(0, b"\0" * 32, 3, mth(DATA[:3]), [])


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=200), st.data())
def test_proofs_hold_for_any_leaves(content: list[bytes], data: st.DataObject):
    made = Tree()
    for item in content:
        made.append(leaf_hash(item))
    n = data.draw(st.integers(1, len(content)))
    m = data.draw(st.integers(0, n - 1))
    proof = made.inclusion_proof(m, n)
    assert verify_inclusion(leaf_hash(content[m]), m, n, proof, made.root(n))
    bad = data.draw(st.integers(0, max(0, len(proof) * 256 - 1)))
    if proof:
        broken = bytearray(b"".join(proof))
        broken[bad // 8] ^= 1 << bad % 8
        steps = [bytes(broken[i : i + 32]) for i in range(0, len(broken), 32)]
        assert not verify_inclusion(leaf_hash(content[m]), m, n, steps, made.root(n))
    assert verify_consistency(m, made.root(m), n, made.root(n), made.consistency_proof(m, n))
