"""R7 gives a figure only when every exact contestant went on as if it had never stopped."""

from __future__ import annotations

import doctest
import json
import math
from types import SimpleNamespace

import pytest
import r7_resume as r7
import race
import resume
import torch
from race import Lap, RaceFailed

STOPS = (10, 100)
PLAN = resume.Plan(1000, 16, STOPS, 0, 1, "")


def laps(name=resume.OURS, **changes):
    """Return a round of every contestant; changes fall on the last stop of one of them."""

    def one(way, stop):
        more = changes if (way, stop) == (name, STOPS[-1]) else {}
        loss = 0.5 if way == resume.UNSKIPPED else 0.25
        result = {"step": stop + 1, "loss": loss, "unbroken": 0.25, "batches": 1, **more}
        seconds = {resume.OURS: 1.0, resume.STREAMED: 2.0 + stop / 10}.get(way, 3.0)
        return Lap(seconds, seconds, 0.0, result)

    return {r7.called(way, stop): [one(way, stop)] for way in r7.TITLES for stop in STOPS}


def test_the_examples_of_the_race_hold():
    assert doctest.testmod(r7).failed == 0


def test_equal_work_is_told():
    assert "ours bit for bit, at k = 10 and 100" in r7.check_work(laps(), STOPS)[0]
    r7.check_work(laps(resume.MAPPED, loss=0.250001), STOPS)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (resume.OURS, {"loss": 0.25 + 1e-12}, "NOT EQUAL: the next loss of engram, k = 100"),
        (resume.OURS, {"step": 1}, "NOT EQUAL: engram, k = 100 made step 1, not 101"),
        (resume.MAPPED, {"loss": 0.2501}, "NOT EQUAL: the next loss of Trainer, k = 100"),
        (resume.STREAMED, {"loss": math.nan}, "not finite"),
        (resume.UNSKIPPED, {"step": 1}, "NOT EQUAL"),
    ],
)
def test_a_training_that_went_on_otherwise_gives_no_figure(name, changes, said):
    with pytest.raises(RaceFailed, match=said):
        r7.check_work(laps(name, **changes), STOPS)


def test_the_ratio_is_told_at_the_largest_stop_and_the_slopes_beside_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    monkeypatch.setattr(race, "versions", lambda packages: dict.fromkeys(packages, "1"))
    r7.finish(laps(), PLAN, quick=False)
    lines = capsys.readouterr().out.splitlines()
    assert "ratio: Trainer takes 3.00 x our CPU time at k = 100" in lines
    assert "engram: +0.000 CPU s per 1000 steps before the stop" in lines
    assert "Trainer, rows as a stream: +100.000 CPU s per 1000 steps before the stop" in lines
    assert "over the peer whose rows are a stream: 12.0 x at k = 100" in lines
    assert "goal: ours at k = 100 takes at most 1.1 x k = 10: reached" in lines
    with pytest.raises(RaceFailed):
        r7.finish(laps(loss=0.3), PLAN, quick=False)
    assert "ratio" not in capsys.readouterr().out
    told = json.loads((tmp_path / "r7_resume.json").read_text())
    assert [told[key] for key in ("ratio", "over", "growth", "slopes", "lines")] == [None, None, None, None, []]


def test_one_contestant_prepares_and_one_for_each_stop_resumes():
    assert len(r7.contestants(PLAN, "prepare", resume.OURS)) == 1
    found = r7.contestants(PLAN, "resume", resume.UNSKIPPED)
    assert [json.loads(one.command[-1])["stop"] for one in found] == list(STOPS)
    assert PLAN.at(resume.UNSKIPPED, 10) == PLAN.at(resume.MAPPED, 10) != PLAN.at(resume.OURS, 10)


def test_the_clock_stops_at_the_first_step():
    watch = resume.Watch()
    watch.start()
    watch.done(11, 0.5)
    first = watch.first
    watch.done(12, 0.4)
    assert watch.first == first
    assert watch.losses == {11: 0.5, 12: 0.4}


class Small:
    """What `resume.Bench` gives, with a model of a few numbers and no tokenizer."""

    def __init__(self, folder):
        self.plan = resume.Plan(64, 4, (2, 5), 5, 1, str(folder))
        self.watch, self.rows, self.batches = resume.Watch(), resume.read_rows(None, "train", 64), 0
        torch.manual_seed(0)
        self.model = Sums()

    def collate(self, rows):
        self.batches += 1
        return {"given": torch.tensor([[len(row.text), 1.0] for row in rows]), "labels": torch.ones(len(rows))}


class Sums(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, given, labels):
        return SimpleNamespace(loss=(self.layer(given / 100).squeeze(1) - labels).square().mean())


def test_our_loop_goes_on_from_a_copy_bit_for_bit_and_makes_one_batch(tmp_path, monkeypatch):
    reports = []
    monkeypatch.setattr(resume, "report_result", lambda **said: reports.append(said))
    (tmp_path / "first").mkdir()
    resume.prepare(Small(tmp_path), resume.OURS, tmp_path / "first")
    (tmp_path / "second").mkdir()
    resume.resume(Small(tmp_path), resume.OURS, tmp_path / "second")
    last = reports[-1]
    assert (last["step"], last["batches"]) == (6, 1)
    assert last["loss"] == last["unbroken"]
