"""R1 tells its ratio of our slowest command, and every command must do its work."""

from __future__ import annotations

from dataclasses import replace

import pytest
import r1_start
import race
from race import Lap, RaceFailed


def laps(**seconds):
    return {name: [Lap(value, value, 0.0)] for name, value in seconds.items()}


def test_the_interpreter_is_taken_off_and_the_slowest_of_ours_counts():
    seen = laps(**{
        r1_start.INTERPRETER: 0.01, "engram --help": 0.06, "engram recipes list": 0.09, r1_start.PEER: 4.0,
    })  # fmt: skip
    assert r1_start.slowest_of_ours(seen) == "engram recipes list"
    assert r1_start.after_interpreter(seen)["engram --help"] == pytest.approx(0.05)
    assert r1_start.INTERPRETER not in r1_start.after_interpreter(seen)


def test_our_commands_do_what_the_race_asks_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(r1_start, "script", lambda name: name)
    recipe = tmp_path / "bad.yaml"
    recipe.write_text(r1_start.BAD_RECIPE)
    ours = [one for one in r1_start.contestants(recipe) if one.command[0] == "engram"]
    assert len(ours) == 3
    for one in ours:
        command = (r1_start.sys.executable, "-m", "engram.cli.main", *one.command[1:])
        race.run_lap(replace(one, command=command), 0, {"ENGRAM_HOME": str(tmp_path)})


def test_a_peer_that_is_not_installed_is_told_with_the_command():
    with pytest.raises(RaceFailed, match=r"pip install 'engram\[bench\]'"):
        r1_start.script("surely-not-a-command")
