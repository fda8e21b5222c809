"""How rows are dealt to the parts: a partition, seeded, in proportion, with groups whole."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data.deal import apportion, deal

SHARES = (0.8, 0.1, 0.1)


def counts(part, stratum, shares=SHARES):
    table = Counter(zip(stratum.tolist(), part.tolist(), strict=True))
    return {kind: [table[kind, place] for place in range(len(shares))] for kind in set(stratum.tolist())}


@given(st.lists(st.integers(0, 6), min_size=10, max_size=400), st.randoms(use_true_random=False))
def test_single_rows_keep_the_proportions_of_every_stratum(labels, random):
    stratum = np.array(labels)
    order = list(range(len(labels)))
    random.shuffle(order)
    part = deal(np.array(order), stratum, SHARES)
    for row in counts(part, stratum).values():
        size = sum(row)
        if size < 3:
            assert row == [size, 0, 0]
        else:
            assert all(abs(got - size * share) < 1 for got, share in zip(row, SHARES, strict=True))


@given(st.lists(st.integers(3, 12), min_size=20, max_size=60))
def test_many_small_strata_do_not_all_round_the_same_way(sizes):
    stratum = np.repeat(np.arange(len(sizes)), sizes)
    part = deal(np.arange(len(stratum)), stratum, SHARES)
    for place, share in enumerate(SHARES):
        assert abs((part == place).sum() - share * len(stratum)) <= 1 + 0.02 * len(stratum)


@given(
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3)), min_size=1, max_size=200),
    st.sampled_from([SHARES, (0.5, 0.5, 0.0), (1.0, 0.0, 0.0), (0.34, 0.33, 0.33)]),
)
def test_rows_of_one_unit_are_never_parted(rows, shares):
    unit, stratum = (np.array(column) for column in zip(*rows, strict=True))
    part = deal(unit, stratum, shares)
    assert all(len(set(part[unit == each])) == 1 for each in set(unit.tolist()))
    assert all(shares[place] > 0 for place in set(part.tolist()))


def test_groups_come_near_the_targets_in_every_stratum():
    random = np.random.default_rng(0)
    unit = np.repeat(np.arange(200), random.integers(2, 9, 200))
    stratum = (unit % 4 == 0).astype(int)
    part = deal(unit, stratum, SHARES)
    for row in counts(part, stratum).values():
        assert row == pytest.approx([sum(row) * share for share in SHARES], abs=0.02 * sum(row) + 2)


def test_three_groups_fill_three_parts():
    assert sorted(deal(np.array([5, 5, 7, 7, 9, 9]), np.zeros(6, dtype=int), SHARES)) == [0, 0, 1, 1, 2, 2]


def test_the_order_of_units_decides_and_the_place_of_rows_does_not():
    unit, stratum = np.arange(100), np.arange(100) % 3
    shuffled = np.random.default_rng(1).permutation(100)
    assert (deal(unit, stratum, SHARES)[shuffled] == deal(unit[shuffled], stratum[shuffled], SHARES)).all()


@given(st.lists(st.integers(1, 40), min_size=1, max_size=40))
def test_apportioned_rows_add_up(sizes):
    behind = [0.0, 0.0, 0.0]
    for size in sizes:
        wanted = [size * share for share in SHARES]
        got = apportion(wanted, size, behind)
        assert sum(got) == size
        assert all(abs(want - have) < 1 for want, have in zip(wanted, got, strict=True))
