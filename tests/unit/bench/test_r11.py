"""R11 gives figures only when every point, page and event is there; its small parts work against a real server."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import listing
import live_load
import pytest
import r11_lists
import r11_tracking
import r11_websockets
import race
import tracking
from race import Contestant, Lap, RaceFailed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")
PLAN = tracking.Plan("", 3, 2, 5, 2)
CURVES = {name: [tracking.value_of(name, step) for step in range(3)] for name in tracking.CURVES}
RESULT = {
    "curves": CURVES, "page": [5, 5], "ingest": {"cpu": 1.0, "wall": 2.0}, "listed": {"cpu": 0.5, "wall": 1.0},
}  # fmt: skip


def laps(**changes):
    """Return two rounds of both; the peer takes twenty times as long, and changes fall on its last round."""
    slow = {**RESULT, "ingest": {"cpu": 20.0, "wall": 30.0}}
    return {
        "engram": [Lap(1.0, 1.0, 0.0, RESULT)] * 2,
        "MLflow": [Lap(1.0, 1.0, 0.0, slow), Lap(1.0, 1.0, 0.0, {**slow, **changes})],
    }


@pytest.mark.parametrize("changes", [{"curves": {**CURVES, "loss": [1.0, 0.5, 0.0]}}, {"page": [5, 4]}])
def test_another_point_or_a_short_page_gives_no_figure(changes):
    with pytest.raises(RaceFailed, match="NOT EQUAL"):
        r11_tracking.check_work(laps(**changes), PLAN)


def test_the_ratio_is_that_of_points_by_cpu(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    r11_tracking.finish(laps(), PLAN, "3.0", quick=False)
    out = capsys.readouterr().out
    assert "ratio: engram: 20.00 x the points/CPU s of MLflow" in out
    assert "at least 10 x the points/CPU s: reached" in out
    assert json.loads((tmp_path / "r11_tracking.json").read_text())["ratio_value"] == 20.0


def test_without_the_peer_the_race_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv(tracking.PYTHON, raising=False)
    with pytest.raises(RaceFailed, match="pip install mlflow"):
        r11_tracking.peer_version()
    monkeypatch.setenv(tracking.PYTHON, sys.executable)
    with pytest.raises(RaceFailed, match="has no MLflow"):
        r11_tracking.peer_version()


def test_an_event_that_one_websocket_did_not_hear_gives_no_figure():
    plan = live_load.Plan("", 10, 2, 3, 0.0)
    good, bad = Lap(1.0, 1.0, 0.0, {"right": 10}), Lap(1.0, 1.0, 0.0, {"right": 9})
    assert "each of 6 events" in r11_websockets.check_work({"engram": [good]}, plan)
    with pytest.raises(RaceFailed, match="9 of 10"):
        r11_websockets.check_work({"engram": [good, bad]}, plan)


def test_the_slowest_sort_of_request_decides(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    seconds = {"fast": [(0.001, 0.001)] * 100, "slow": [(0.1, 0.01)] * 90 + [(0.3, 0.02)] * 10}
    lap = Lap(1.0, 1.0, 0.0, {"seconds": seconds})
    r11_lists.finish({"engram": [lap]}, listing.Plan("", 1, 1, 1, 1), quick=False)
    out = capsys.readouterr().out
    assert "the slowest, slow, takes 1.50 x of 200 ms at p95" in out
    assert "at most 200 ms: missed" in out
    assert "CPU p50 10.0 ms, p95 20.0 ms" in out


@pytest.mark.slow
def test_our_contestants_do_their_work(tmp_path):
    home = listing.Plan(str(tmp_path / "home"), 300, 3000, 200, 2)
    race.show(Contestant("fill", r11_lists.command("fill", home)), {})
    lap = race.run_lap(Contestant("engram", r11_lists.command("measure", home)), 0)
    assert set(lap.result["seconds"]) == set(listing.requests(home))
    own = json.dumps(replace(live_load.Plan("", 5, 2, 2, 0.0), home=str(tmp_path / "live")).__dict__)
    heard = race.run_lap(Contestant("engram", (sys.executable, live_load.__file__, "serve", own)), 0)
    assert heard.result["right"] == 5
    (tmp_path / "tracking").mkdir()  # a home of its own
    small = tracking.Plan(str(tmp_path / "tracking"), 20, 10, 5, 2)
    command = (sys.executable, tracking.__file__, tracking.OURS, json.dumps(small.__dict__))
    told = race.run_lap(Contestant("engram", command), 0)
    assert told.result["page"] == [5, 5]
