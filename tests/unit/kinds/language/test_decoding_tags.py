"""Scores become the best row of tags in which every span begins with a B, and true tags are read the same way."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engram.evaluate.spans import find_spans, scheme_of
from engram.kinds.language.padding import MASKED
from engram.kinds.language.tag.decode import begun, decode, may_follow

LABELS = ("B-a", "O", "I-b", "I-a", "B-b")
ONE_ROW = np.array([0, 4])
FEW = settings(max_examples=60, deadline=None)


def legal(tags, labels=LABELS) -> bool:
    """The rule, said again: I-x stands behind B-x or I-x."""
    names = ["O", *(labels[tag] for tag in tags)]
    return all(name[0] != "I" or (before != "O" and before[1:] == name[1:]) for before, name in pairwise(names))


@FEW
@given(arrays(np.float32, (4, 5), elements=st.floats(-5, 5, width=16)))
def test_the_tags_are_the_best_of_all_that_are_allowed(logits):
    found = decode(logits, ONE_ROW, LABELS)
    assert legal(found)

    def worth(tags) -> float:
        return float(sum(logits[word, tag] for word, tag in enumerate(tags)))

    best = max(worth(tags) for tags in product(range(5), repeat=4) if legal(tags))
    assert worth(found) == pytest.approx(best, abs=1e-4)


@FEW
@given(arrays(np.float32, (9, 5), elements=st.floats(-5, 5, width=16)), st.lists(st.integers(0, 9), max_size=4))
def test_a_row_is_decoded_as_if_it_were_alone(logits, cuts):
    offsets = np.array([0, *sorted(cuts), 9])
    together = decode(logits, offsets, LABELS)
    for begin, end in pairwise(offsets):
        alone = decode(logits[begin:end], np.array([0, end - begin]), LABELS)
        assert together[begin:end].tolist() == alone.tolist()


@FEW
@given(arrays(np.float32, (6, 3), elements=st.floats(-5, 5, width=16)))
def test_tags_that_mark_no_spans_are_the_best_of_each_word(logits):
    for labels in (("NOUN", "VERB", "O"), ("I-a", "O", "I-b"), ("O", "B-a", "I-b")):
        assert decode(logits, np.array([0, 6]), labels).tolist() == logits.argmax(axis=1).tolist()


def test_any_tag_may_follow_where_there_is_no_b_to_begin_with():
    assert may_follow(["O", "I-a", "I-b"]).all()
    assert not may_follow(["O", "B-a", "I-a", "I-b"])[0, 2]
    assert may_follow(["O", "B-a", "I-a", "I-b"])[:, 3].all()
    assert may_follow(["O", "B", "I"]).tolist() == [[True, True, False], [True] * 3, [True] * 3, [True, True, False]]


@FEW
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_true_tags_get_their_b_and_keep_their_spans(tags, cuts):
    truth = np.array(tags)
    offsets = np.array([0, *sorted(min(cut, len(tags)) for cut in cuts), len(tags)])
    found = begun(truth, offsets, LABELS)
    scheme = scheme_of(LABELS)
    for one, other in zip(find_spans(found, offsets, scheme), find_spans(truth, offsets, scheme), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(legal(found[begin:end]) for begin, end in pairwise(offsets))
    np.testing.assert_array_equal(begun(found, offsets, LABELS), found)
    assert truth.tolist() == tags


def test_a_masked_tag_stays_masked_and_what_is_behind_it_stays_as_it_is():
    truth = np.array([MASKED, 3, 1, 3])
    assert begun(truth, ONE_ROW, LABELS).tolist() == [MASKED, 3, 1, 0]


def test_nothing_is_decoded_to_nothing():
    assert decode(np.zeros((0, 5), dtype=np.float32), np.array([0]), LABELS).tolist() == []
    assert begun(np.zeros(0, dtype=np.int64), np.array([0, 0]), LABELS).tolist() == []
