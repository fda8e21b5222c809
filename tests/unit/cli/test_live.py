"""What a person sees while a run works."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engram.cli import live
from engram.schema.event import Event


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that stands still until the test moves it."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(live.time, "monotonic", lambda: now.seconds)
    return now


def step(number, total=100):
    body = {"step": number, "total": total, "loss": 0.5, "tokens_per_second": 10.0}
    return Event("r", 1, 1, number, "", "train", "metric", body)


@pytest.mark.parametrize("first", [1, 40])
def test_the_time_left_counts_neither_loading_nor_the_steps_of_an_earlier_attempt(clock, capsys, first):
    with live.Live(None, None) as shown:
        shown.state(SimpleNamespace(state="running", stage="train"))
        clock.seconds += 1000  # loading the model
        shown.event(step(first))
        assert "left" not in capsys.readouterr().out
        clock.seconds += 20
        shown.event(step(first + 10))
    rest = (100 - first - 10) * 2
    assert capsys.readouterr().out.rstrip().endswith(f"{rest} s left")
