"""Who stands in a group: everybody once, of a class never two where that can be, and alike for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.kinds.embedding.groups import classes_of, deal


@settings(max_examples=60, deadline=None)
@given(
    classes=st.lists(st.integers(0, 12), min_size=1, max_size=60),
    size=st.integers(2, 9),
    seed=st.integers(0, 3),
    epoch=st.integers(0, 3),
)
def test_every_row_stands_in_one_group_and_no_group_has_a_class_twice_that_could_be_kept_apart(
    classes, size, seed, epoch
):
    given = np.array(classes)
    groups = deal(given, size, seed, epoch)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(classes)))
    assert len(groups) == -(-len(classes) // size)
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    for one in np.unique(given):
        often = [int((given[group] == one).sum()) for group in groups]
        if sum(often) <= len(groups):
            assert max(often) == 1


def test_groups_are_dealt_anew_in_each_epoch_and_again_alike():
    classes = np.arange(40) % 20
    first, again, other = (deal(classes, 5, 7, epoch) for epoch in (0, 0, 1))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("pairs", "wanted"),
    [([(0, 1), (2, 3)], [0, 1]), ([(0, 1), (2, 1)], [0, 0]), ([(0, 1), (2, 3), (3, 4), (1, 4)], [0, 0, 0, 0])],
)
def test_pairs_that_share_a_text_however_far_around_are_of_one_class(pairs, wanted):
    assert classes_of(pairs).tolist() == wanted
