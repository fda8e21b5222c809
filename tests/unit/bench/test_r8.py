"""R8 gives a figure only when both found one loss and one gradient, and when memory was measured at all."""

from __future__ import annotations

import json
import math

import loss_memory
import pytest
import r8_loss_memory as r8
import race
import torch
from race import Lap, RaceFailed

NAMES = tuple(r8.TITLES.values())
PLAN = loss_memory.Plan(24, 8, 160, "fp32", 1)
RESULT = {"baseline": 2**28, "memory": 2**26, "loss": 100.0, "hidden": [4.0, 0.5, -1.0], "weight": [9.0, 1.5, 0.25]}


def laps(**changes):
    """Return two rounds of both; the full logits take four times the memory, and changes fall on their last round."""
    full = {**RESULT, "memory": 2**28}
    return {
        NAMES[0]: [Lap(1.0, 1.0, 0.0, RESULT)] * 2,
        NAMES[1]: [Lap(2.0, 2.0, 0.0, full), Lap(2.0, 2.0, 0.0, {**full, **changes})],
    }


def test_equal_work_is_told_with_the_distance_of_the_gradients():
    assert "loss 100.000" in r8.check_work(laps(), 1e-4)[0]
    assert "gradients at most 5.0e-05" in r8.check_work(laps(weight=[9.0, 1.50005, 0.25]), 1e-4)[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loss": 100.02}, "NOT EQUAL: the loss differs by 0.02 %"),
        ({"loss": math.nan}, "NOT EQUAL: the loss is not finite"),
        ({"hidden": [4.01, 0.5, -1.0]}, "NOT EQUAL: the gradient of hidden differs"),
        ({"weight": [9.0, 1.5, 0.2503]}, "NOT EQUAL: the gradients of weight are 3.0e-04 of their length apart"),
        ({"weight": [9.0, math.nan, 0.25]}, "NOT EQUAL: the gradients of weight"),
        ({"memory": 0}, "NOT MEASURED"),
    ],
)
def test_another_loss_or_gradient_or_no_memory_gives_no_figure(changes, said):
    with pytest.raises(RaceFailed, match=said):
        r8.check_work(laps(**changes), 1e-4)


def test_the_ratio_is_our_share_of_the_memory(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    monkeypatch.setattr(race, "versions", lambda packages: dict.fromkeys(packages, "1"))
    r8.finish(laps(), PLAN, quick=False)
    out = capsys.readouterr().out
    assert "ratio: engram: 0.25 x the peak memory of full-vocabulary logits" in out
    assert "64.0 (64.0 to 64.0)" in out
    assert "full-vocabulary logits take 2.00 x our CPU time" in out
    assert json.loads((tmp_path / "r8_loss_memory-fp32.json").read_text())["memory_share"] == 0.25
    with pytest.raises(RaceFailed):
        r8.finish(laps(loss=200.0), PLAN, quick=False)
    assert "ratio" not in capsys.readouterr().out
    assert json.loads((tmp_path / "r8_loss_memory-fp32.json").read_text())["memory_share"] is None


def test_both_ways_find_one_loss_and_one_gradient():
    found = {}
    for name, loss in loss_memory.LOSSES.items():
        given = loss_memory.inputs(PLAN)
        found[name] = [loss_memory.learn(loss, PLAN, *given), *(given[place].grad for place in (0, 1))]
    assert found["ours"][0] == pytest.approx(found["full"][0], rel=1e-6)
    assert all(torch.allclose(found["ours"][place], found["full"][place], atol=1e-5) for place in (1, 2))


def test_a_probe_tells_gradients_apart_by_about_their_distance():
    one = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    away = torch.randn(50, 8, generator=torch.Generator().manual_seed(1))
    other = one + away * (0.01 * one.norm() / away.norm())
    assert loss_memory.probe(one) == loss_memory.probe(one.clone())
    apart = [abs(a - b) for a, b in zip(loss_memory.probe(one)[1:], loss_memory.probe(other)[1:], strict=True)]
    assert 0.002 < max(apart) < 0.05


def test_the_baseline_holds_inputs_and_gradients_and_leaves_no_gradient():
    given = loss_memory.inputs(PLAN)
    assert loss_memory.settle(loss_memory.loss_full, PLAN, *given) > 2**20
    assert given[0].grad is None
    assert given[1].grad is None
