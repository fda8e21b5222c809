"""The learning rate: between zero and the recipe's, warming up first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.schema.recipe import Train
from engram.train.schedule import learning_rate_at


@given(
    st.sampled_from(["linear", "cosine", "constant"]),
    st.floats(0, 1),
    st.integers(1, 500),
    st.data(),
)
def test_it_is_positive_and_never_above_the_recipes(kind, ratio, total, data):
    options = Train(learning_rate=0.5, lr_scheduler_type=kind, warmup_ratio=ratio)
    step = data.draw(st.integers(0, total - 1))
    assert 0.0 < learning_rate_at(step, total, options) <= 0.5


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@given(ratio=st.floats(0, 0.9), total=st.integers(2, 300))
def test_it_rises_and_then_falls(kind, ratio, total):
    options = Train(learning_rate=1.0, lr_scheduler_type=kind, warmup_ratio=ratio)
    rates = [learning_rate_at(step, total, options) for step in range(total)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(1.0)


def test_known_values():
    cosine = Train(learning_rate=2.0, lr_scheduler_type="cosine", warmup_ratio=0.0)
    assert [round(learning_rate_at(step, 4, cosine), 6) for step in range(4)] == [2.0, 1.707107, 1.0, 0.292893]
    linear = Train(learning_rate=2.0, lr_scheduler_type="linear", warmup_ratio=0.5)
    assert [learning_rate_at(step, 4, linear) for step in range(4)] == [1.0, 2.0, 2.0, 1.0]
    constant = Train(learning_rate=2.0, lr_scheduler_type="constant", warmup_ratio=0.25)
    assert [learning_rate_at(step, 8, constant) for step in (0, 1, 2, 7)] == [1.0, 2.0, 2.0, 2.0]
