"""R4 gives a figure only when packed and padded batches gave every row the same loss and trained alike."""

from __future__ import annotations

import doctest
import json
import math

import pytest
import r4_packed as r4
import race
import sft
from race import Lap, RaceFailed

NAMES = tuple(r4.TITLES.values())
RESULT = {
    "rows": 100, "tokens": 2000, "targets": 900, "padded": 2000, "steps": 20, "first_loss": 9.0, "loss": 8.0,
    "mixed": 0.0, "row_losses": [10.0, 20.0],
}  # fmt: skip
PLAN = sft.Plan("base", 100, 50, 8, 768, 384, 1e-3, "fp32", 1)


def laps(seconds=(1.0, 3.0, 2.0), **changes):
    """Return a round of every contestant; changes fall on the second alone, whose batches are padded to 3 slots."""
    return {
        name: [Lap(cpu, cpu, 0.0, {**RESULT, **({"padded": 6000, **changes} if place == 1 else {})})]
        for place, (name, cpu) in enumerate(zip(NAMES, seconds, strict=True))
    }


def test_the_examples_of_the_race_hold():
    assert doctest.testmod(r4).failed == 0


def test_equal_work_is_told():
    told = r4.check_work(laps(), 100, quick=False)[0]
    assert "the losses of 2 rows" in told
    assert "0.00 % apart" in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": 99}, "different numbers of rows"),
        ({"tokens": 1999}, "different numbers of tokens"),
        ({"targets": 899}, "different numbers of targets"),
        ({"steps": 26}, "number of optimizer steps differs"),
        ({"first_loss": 9.1}, "validation loss before training differs"),
        ({"mixed": 0.1}, "lets the rows of a batch see each other"),
        ({"row_losses": [10.0, 20.01]}, "a row's loss differs by 0.0005"),
        ({"row_losses": [10.0, math.nan]}, "a row's loss differs"),
        ({"row_losses": [10.0]}, "a row's loss differs by inf"),
        ({"loss": 8.09}, "mean validation loss after training differs by 1.12 %"),
    ],
)
def test_other_work_gives_no_figure(changes, said):
    with pytest.raises(RaceFailed, match=f"NOT EQUAL.*{said}"):
        r4.check_work(laps(**changes), 100, quick=False)


def test_losses_that_did_not_fall_prove_nothing_and_a_quick_run_says_that_it_is_too_short():
    still = {name: [Lap(1.0, 1.0, 0.0, {**RESULT, "loss": 8.9})] for name in NAMES}
    with pytest.raises(RaceFailed, match="prove nothing"):
        r4.check_work(still, 100, quick=False)
    assert "too short" in r4.check_work(laps(loss=8.9), 100, quick=True)[0]
    with pytest.raises(RaceFailed, match="a row's loss"):
        r4.check_work(laps(row_losses=[10.0, 21.0]), 100, quick=True)


@pytest.mark.parametrize(("seconds", "reached"), [((1.0, 2.8, 2.0), "reached"), ((1.0, 2.6, 2.0), "missed")])
def test_the_goal_is_nine_tenths_of_what_the_padding_takes(seconds, reached, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    monkeypatch.setattr(race, "versions", lambda packages: dict.fromkeys(packages, "1"))
    r4.finish(laps(seconds), PLAN, quick=False)
    out = capsys.readouterr().out
    assert f"goal: at least 0.9 of what the padding takes: {reached}" in out
    assert f"ratio: packed: {seconds[1]:.2f} x the real tokens/CPU s of padded" in out
    told = json.loads((tmp_path / "r4_packed-fp32.json").read_text())
    assert (told["over_padded"], told["slots_per_token"]) == (pytest.approx(seconds[1]), 3.0)


def test_an_unequal_race_has_no_ratio(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    monkeypatch.setattr(race, "versions", lambda packages: dict.fromkeys(packages, "1"))
    with pytest.raises(RaceFailed):
        r4.finish(laps(loss=8.2), PLAN, quick=False)
    assert "ratio" not in capsys.readouterr().out
    told = json.loads((tmp_path / "r4_packed-fp32.json").read_text())
    assert [told[key] for key in ("ratio", "over_padded", "slots_per_token")] == [None, None, None]
    assert "mean validation loss" in told["unequal"]
