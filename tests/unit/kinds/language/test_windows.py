"""Long rows in windows: nothing is lost that a window can hold, and each word is answered where it sees most."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engram.kinds.language.tag.windows import OVERLAP, cut, owners

SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=40)


def starts_of(sizes: list[int]) -> tuple[list[int], int]:
    """Return the first token of each word, and all tokens."""
    return [sum(sizes[:word]) for word in range(len(sizes))], sum(sizes)


@given(SIZES, st.integers(1, 60))
def test_windows_fit_begin_at_words_and_go_on(sizes, capacity):
    starts, total = starts_of(sizes)
    windows = cut(starts, total, capacity)
    assert all(0 < end - begin <= capacity for begin, end in windows)
    assert all(begin in starts for begin, _ in windows)
    assert windows[0][0] == 0
    for (begin, end), (next_begin, next_end) in pairwise(windows):
        assert begin < next_begin
        assert end < next_end or next_end == total


@given(SIZES, st.integers(1, 60))
def test_only_what_one_word_has_beyond_the_capacity_is_in_no_window(sizes, capacity):
    starts, total = starts_of(sizes)
    inside = {token for begin, end in cut(starts, total, capacity) for token in range(begin, end)}
    for start, size in zip(starts, sizes, strict=True):
        assert set(range(start, start + min(size, capacity))) <= inside
        if size <= capacity:
            assert set(range(start, start + size)) <= inside
    if max(sizes) <= capacity:
        assert inside == set(range(total))


@given(SIZES, st.integers(8, 60))
def test_neighbours_share_a_quarter_of_a_window(sizes, capacity):
    starts, total = starts_of(sizes)
    windows = cut(starts, total, capacity)
    for (begin, end), (next_begin, _) in pairwise(windows):
        first_new = min(start for start in starts if start > begin)
        assert end - next_begin >= capacity // OVERLAP or next_begin == first_new


@given(SIZES, st.integers(1, 60))
def test_a_row_that_fits_is_one_window(sizes, room):
    starts, total = starts_of(sizes)
    assert cut(starts, total, total + room - 1) == [(0, total)]
    assert owners(starts, total, [(0, total)]) == [0] * len(sizes)


@given(SIZES, st.integers(1, 60))
def test_each_word_is_answered_in_the_window_with_most_context_on_its_poorer_side(sizes, capacity):
    starts, total = starts_of(sizes)
    windows = cut(starts, total, capacity)
    chosen = owners(starts, total, windows)
    for start, size, window in zip(starts, sizes, chosen, strict=True):

        def context(index, start=start, size=size):
            begin, end = windows[index]
            left = float("inf") if begin == 0 else start - begin
            right = float("inf") if end == total else end - (start + size)
            return min(left, right)

        holding = [index for index, (begin, end) in enumerate(windows) if begin <= start < end]
        assert window == max(holding, key=context)  # of equals the first


def test_words_near_a_border_are_answered_from_the_other_side():
    starts = list(range(20))
    windows = cut(starts, 20, 12)
    assert windows == [(0, 12), (9, 20)]
    assert owners(starts, 20, windows) == [0] * 11 + [1] * 9


def test_a_row_without_tokens_has_no_window():
    assert cut([], 0, 10) == []
    assert owners([], 0, []) == []
