"""What the export gate is told: the worst exact format, and of a lossy one what it costs in the metric alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.export.parity import metric_loss, parity_measures

EXACT = {"reloads": 1.0, "metric_difference": 0.0, "max_logit_difference": 3e-6}
WORSE = {"reloads": 1.0, "metric_difference": 0.002, "max_logit_difference": 2e-6}
INT8 = {"reloads": 1.0, "metric_difference": 0.05, "max_logit_difference": 0.7, "metric_loss": 0.05}
BROKEN = {"reloads": 0.0, "metric_difference": 1.0, "max_logit_difference": 1e9}


def test_the_worst_of_each_measure_counts():
    said = parity_measures({"adapter": EXACT, "merged": WORSE})
    assert said["parity_metric_difference"] == 0.002
    assert said["parity_max_logit_difference"] == 3e-6
    assert said["lossy_metric_loss"] == 0.0


def test_a_lossy_format_is_judged_by_the_metric_and_never_by_the_logits():
    said = parity_measures({"merged": EXACT, "onnx_int8": INT8}, lossy={"onnx_int8"})
    assert said["parity_max_logit_difference"] == 3e-6
    assert said["parity_metric_difference"] == 0.0
    assert said["lossy_metric_loss"] == 0.05


def test_a_format_called_exact_has_no_such_excuse():
    assert parity_measures({"merged": EXACT, "onnx_int8": INT8})["parity_max_logit_difference"] == 0.7


@pytest.mark.parametrize("lossy", [set(), {"bad"}])
def test_what_does_not_open_is_told_in_any_case(lossy):
    said = parity_measures({"merged": EXACT, "bad": BROKEN}, lossy)
    assert said["reloads"] == 0.0
    assert max(said["parity_metric_difference"], said["lossy_metric_loss"]) == 1.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_loss_is_what_is_lost_and_never_negative(one, other):
    for better in ("max", "min"):
        losses = metric_loss(one, other, better), metric_loss(other, one, better)
        assert min(losses) == 0.0
        assert sum(losses) == pytest.approx(abs(one - other))
    assert metric_loss(one, other, "max") == metric_loss(other, one, "min")
