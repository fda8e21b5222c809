"""The harness counts figures only for equal work, and measures every contestant alike."""

from __future__ import annotations

import doctest
import json
import math
import os
import sys

import pytest
import race
from race import Contestant, Lap, RaceFailed

SPEAKS = "print('ready')"
MEASURES = (
    "import json, os; "
    "json.dump({'cpu_s': 1.5, 'wall_s': 2.5, 'round': os.environ['RACE_ROUND'], 'given': os.environ['GIVEN']}, "
    "open(os.environ['RACE_RESULT'], 'w'))"
)


def python(name, code, **rest):
    return Contestant(name, (sys.executable, "-c", code), **rest)


def silent(line):
    pass


def test_the_examples_of_the_harness_hold():
    found = doctest.testmod(race)
    assert found.attempted >= 5
    assert found.failed == 0


@pytest.mark.parametrize(
    ("other", "equal"), [(1.0, True), (1.00999, True), (1.0102, False), (0.9902, True), (0.98, False)]
)
def test_equal_is_one_percent_of_the_smaller_value(other, equal):
    if equal:
        assert race.check_equal("loss", {"a": 1.0, "b": other}) <= 0.01
    else:
        with pytest.raises(RaceFailed, match="NOT EQUAL: loss differs by"):
            race.check_equal("loss", {"a": 1.0, "b": other})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_not_equal(value):
    with pytest.raises(RaceFailed, match="not finite"):
        race.check_equal("loss", {"a": value, "b": value})


def test_nothing_and_zero_are_not_equal_to_something():
    with pytest.raises(RaceFailed):
        race.check_equal("loss", {})
    with pytest.raises(RaceFailed):
        race.check_equal("loss", {"a": 0.0, "b": 0.1})
    assert race.check_equal("loss", {"a": 0.0, "b": 0.0}) == 0.0


def test_the_outermost_of_three_are_compared():
    with pytest.raises(RaceFailed, match=r"a 1, b 1.008, c 1.016"):
        race.check_equal("loss", {"a": 1.0, "b": 1.008, "c": 1.016})


def test_contestants_take_turns_and_are_measured_each_round():
    said = []
    laps = race.run([python("a", SPEAKS, says="ready"), python("b", SPEAKS)], 2, say=said.append)
    assert [line.split()[2].rstrip(":") for line in said] == ["a", "b", "a", "b"]
    assert {name: len(of) for name, of in laps.items()} == {"a": 2, "b": 2}
    assert all(lap.cpu_s > 0 and lap.wall_s > 0 and lap.load >= 0 for of in laps.values() for lap in of)


def test_the_time_of_a_contestants_own_children_counts():
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    own = race.run_lap(python("a", "pass"), 0)
    assert race.run_lap(python("b", busy), 0).cpu_s > own.cpu_s


def test_what_a_contestant_measured_of_itself_counts():
    lap = race.run_lap(python("a", MEASURES), 3, {"GIVEN": "x"})
    assert (lap.cpu_s, lap.wall_s) == (1.5, 2.5)
    assert (lap.result["round"], lap.result["given"]) == ("3", "x")


def test_a_contestant_that_ends_badly_gives_no_figure_and_shows_its_words():
    with pytest.raises(RaceFailed, match=r"b ended with 3, not 0:\nbroken"):
        race.run([python("b", "import sys; print('broken'); sys.exit(3)")], 1, say=silent)
    with pytest.raises(RaceFailed, match="ended with 0, not 2"):
        race.run_lap(python("b", "pass", exit_code=2), 0)


def test_a_contestant_that_says_nothing_did_nothing():
    with pytest.raises(RaceFailed, match="did not print 'ready'"):
        race.run_lap(python("b", "pass", says="ready"), 0)
    race.run_lap(python("b", "import sys; sys.exit('ready')", exit_code=1, says="ready"), 0)


def test_warm_up_rounds_do_not_count(tmp_path):
    log = tmp_path / "log"
    laps = race.run([python("a", f"open({str(log)!r}, 'a').write('x')")], 1, warm_ups=2, say=silent)
    assert log.read_text() == "xxx"
    assert len(laps["a"]) == 1


def test_a_race_ends_with_table_machine_load_and_one_ratio_and_writes_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path / "results")
    laps = {"ours": [Lap(1.0, 2.0, 0.5), Lap(3.0, 4.0, 1.5)], "peer": [Lap(4.0, 5.0, 0.25)]}
    race.finish(
        "rx",
        laps,
        packages=("engram",),
        threads=1,
        quick=True,
        extra={"loss": {"ours": "0.5"}},
        ratio_line="2 x",
        lines=[race.goal("at least 3 x", False)],
        over=2.0,
    )
    out = capsys.readouterr().out
    assert "ours        2.000 (1.000 to 3.000)  3.000 (2.000 to 4.000)  0.5" in out
    assert "load average before the laps: 0.25 to 1.50" in out
    assert "goal: at least 3 x: missed" in out
    assert "no measurement" in out
    assert [line for line in out.splitlines() if line.startswith("ratio")] == ["ratio: 2 x"]
    told = json.loads((tmp_path / "results" / "rx-quick.json").read_text())
    assert told["format"] == "engram.race/1"
    assert told["laps"]["ours"][1] == {"cpu_s": 3.0, "wall_s": 4.0, "load": 1.5, "result": {}}
    assert told["machine"]["cores"] == os.cpu_count()
    assert set(told["versions"]) == {"engram"}
    assert (told["over"], told["quick"], told["threads"]) == (2.0, True, 1)


def test_a_race_without_equal_work_is_written_without_a_ratio(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    race.finish("rx", {"ours": [Lap(1.0, 2.0, 0.5)]}, packages=(), threads=1, quick=False, extra={}, ratio_line=None)
    assert "ratio" not in capsys.readouterr().out
    assert json.loads((tmp_path / "rx.json").read_text())["ratio"] is None


def test_a_failed_race_leaves_with_one_and_its_reason(capsys):
    def fail():
        raise RaceFailed("NOT EQUAL: loss")

    with pytest.raises(SystemExit) as left:
        race.start(fail)
    assert left.value.code == 1
    assert capsys.readouterr().err == "NOT EQUAL: loss\n"
    with pytest.raises(SystemExit) as left:
        race.start(lambda: None)
    assert left.value.code == 0
