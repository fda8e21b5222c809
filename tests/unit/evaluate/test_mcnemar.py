"""McNemar's exact test, by hand and against scipy."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.evaluate.mcnemar import exact_p, mcnemar


@pytest.mark.parametrize(
    ("b", "c", "p"), [(0, 0, 1.0), (1, 0, 1.0), (0, 5, 0.0625), (5, 0, 0.0625), (3, 3, 1.0), (1, 9, 22 / 1024)]
)
def test_p_by_hand(b: int, c: int, p: float) -> None:
    assert exact_p(b, c) == pytest.approx(p, rel=1e-12)


@given(st.integers(0, 300), st.integers(0, 300))
def test_p_is_the_exact_fraction(b: int, c: int) -> None:
    tail = Fraction(sum(comb(b + c, k) for k in range(min(b, c) + 1)), 2 ** (b + c))
    assert exact_p(b, c) == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-10)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000))
def test_p_is_scipys(b: int, c: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert exact_p(b, c) == pytest.approx(expected, rel=1e-8, abs=1e-300)


def test_huge_counts_neither_overflow_nor_take_long() -> None:
    assert exact_p(1_000_000, 0) == 0.0
    assert exact_p(500_000, 500_000) == 1.0


def test_the_four_counts_tell_who_was_right_where() -> None:
    first = np.array([1, 1, 1, 0, 0, 1], dtype=bool)
    second = np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second, found.both, found.neither) == (3, 1, 1, 1)
    assert found.p == pytest.approx(10 / 16)
