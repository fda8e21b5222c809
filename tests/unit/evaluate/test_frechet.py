"""The Fréchet distance: known values, and scipy's matrix square root as a judge."""

from __future__ import annotations

import numpy as np
import pytest

from engram.errors import UsageError
from engram.evaluate.frechet import distance


def test_a_set_lies_nowhere_from_itself_and_a_shift_by_its_square():
    features = np.random.default_rng(0).standard_normal((200, 5))
    assert distance(features, features) == pytest.approx(0.0, abs=1e-9)
    assert distance(features, features + 3.0) == pytest.approx(5 * 9.0)
    assert distance(features, features[::-1]) == pytest.approx(0.0, abs=1e-9)


def test_of_one_feature_it_is_the_difference_of_means_and_of_spreads():
    random = np.random.default_rng(1)
    one, other = random.normal(0, 1, (400, 1)), random.normal(2, 3, (400, 1))
    wanted = (one.mean() - other.mean()) ** 2 + (one.std(ddof=1) - other.std(ddof=1)) ** 2
    assert distance(one, other) == pytest.approx(wanted)


def test_it_is_the_number_by_the_square_root_of_the_product():
    linalg = pytest.importorskip("scipy.linalg", reason="scipy is not installed")
    random = np.random.default_rng(2)
    one = random.standard_normal((300, 8)) @ random.standard_normal((8, 8))
    other = random.standard_normal((250, 8)) @ random.standard_normal((8, 8)) + 0.5
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    between = one.mean(0) - other.mean(0)
    wanted = between @ between + np.trace(first + second - 2 * linalg.sqrtm(first @ second).real)
    assert distance(one, other) == pytest.approx(wanted, rel=1e-6)


def test_too_few_members_are_refused():
    with pytest.raises(UsageError, match="at least 5 members"):
        distance(np.zeros((4, 4)), np.zeros((9, 4)))
    with pytest.raises(UsageError, match="must be alike"):
        distance(np.zeros((9, 4)), np.zeros((9, 3)))
