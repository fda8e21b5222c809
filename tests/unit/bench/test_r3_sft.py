"""The race of SFT gives a figure only for equal work, and modes of the peer that do other work do not count."""

from __future__ import annotations

import doctest
import json
import math
from dataclasses import replace

import pytest
import r3_sft as r3
import race
import sft
import sft_data
import sft_probe
import sft_work
import torch
from race import Lap, RaceFailed
from support import tiny

from engram.train import packing

NAMES = tuple(r3.TITLES.values())
BFD, WRAPPED = NAMES[4], NAMES[5]
RESULT = {
    "rows": 100, "tokens": 2000, "targets": 900, "padded": 2500, "steps": 20, "first_loss": 9.0, "loss": 8.0,
    "mixed": 0.0,
}  # fmt: skip
PLAN = sft.Plan("base", 100, 50, 8, 768, 384, 1e-3, "fp32", 1)


def laps(name="", **changes):
    """Return two rounds of every contestant; changes fall on one contestant alone."""

    def result(who, number):
        return {**RESULT, **(changes if who == name else {}), **({"first_loss": math.nan} if number else {})}

    return {
        who: [Lap(1.0 + place, 2.0, 0.0, result(who, number)) for number in range(2)] for place, who in enumerate(NAMES)
    }


def test_the_examples_of_the_race_hold():
    assert doctest.testmod(r3).failed == 0
    assert doctest.testmod(sft_data).failed == 0


def test_equal_work_is_told_and_every_mode_counts():
    out, told = r3.equal_modes(laps(), 100, quick=False)
    assert out == {}
    assert "900 tokens to learn" in told[0]
    assert "0.00 % apart" in told[0]


OTHER_WORK = [
    ({"rows": 99}, "different numbers of rows"),
    ({"tokens": 1999}, "different numbers of tokens"),
    ({"targets": 899}, "different numbers of targets"),
    ({"steps": 26}, "number of optimizer steps differs"),
    ({"first_loss": 9.1}, "validation loss before training differs"),
    ({"loss": 8.09}, "differs by 1.12 %"),
    ({"loss": math.nan}, "not finite"),
    ({"mixed": 0.5}, "lets the rows of a batch see each other"),
    ({"mixed": math.nan}, "lets the rows of a batch see each other"),
]


@pytest.mark.parametrize(("changes", "said"), OTHER_WORK)
def test_other_work_of_ours_or_the_padded_peer_gives_no_figure(changes, said):
    for name in r3.MUST:
        with pytest.raises(RaceFailed, match=f"NOT EQUAL.*{said}"):
            r3.equal_modes(laps(name, **changes), 100, quick=False)


@pytest.mark.parametrize(("changes", "said"), OTHER_WORK)
def test_a_mode_that_does_other_work_is_told_and_does_not_count(changes, said):
    out, told = r3.equal_modes(laps(WRAPPED, **changes), 100, quick=False)
    assert list(out) == [WRAPPED]
    assert said in out[WRAPPED]
    assert told[1].startswith(f"not counted: {WRAPPED}: ")


def test_rows_that_were_not_planned_and_losses_that_did_not_fall_give_no_figure():
    with pytest.raises(RaceFailed, match="101 rows were planned"):
        r3.equal_modes(laps(), 101, quick=False)
    still = {name: [Lap(1.0, 1.0, 0.0, {**RESULT, "loss": 8.9})] for name in NAMES}
    with pytest.raises(RaceFailed, match="prove nothing"):
        r3.equal_modes(still, 100, quick=False)


def test_a_quick_run_compares_neither_steps_nor_losses_after_training_and_says_so():
    out, told = r3.equal_modes(laps(NAMES[1], loss=8.9, steps=30), 100, quick=True)
    assert out == {}
    assert "checks no more" in told[0]
    for changes in ({"first_loss": 9.1}, {"tokens": 1999}, {"loss": math.nan}, {"mixed": 0.5}):
        with pytest.raises(RaceFailed, match="NOT EQUAL"):
            r3.equal_modes(laps(NAMES[1], **changes), 100, quick=True)


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """Return a function that ends a race and returns its JSON, and the error that left it, if any."""
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    monkeypatch.setattr(race, "versions", lambda packages: dict.fromkeys(packages, "1"))

    def finish(of):
        error = None
        try:
            r3.finish(of, PLAN, quick=False)
        except RaceFailed as failed:
            error = failed
        return json.loads((tmp_path / "r3_sft-fp32.json").read_text()), error

    return finish


def test_the_ratio_is_over_the_best_mode_that_counts(finished, capsys):
    of = laps(WRAPPED, mixed=1.5)
    of[WRAPPED] = [replace(lap, cpu_s=1.0) for lap in of[WRAPPED]]
    of[BFD] = [replace(lap, cpu_s=1.6) for lap in of[BFD]]
    told, error = finished(of)
    out = capsys.readouterr().out
    assert error is None
    assert [line for line in out.splitlines() if line.startswith("ratio")] == [
        f"ratio: engram: 1.60 x the real tokens/CPU s of {BFD}"
    ]
    assert "goal: at least 5 x padded: missed" in out
    assert "goal: at least 1.5 x the peer's best mode: reached" in out
    assert (told["over_best"], told["over_padded"], list(told["not_counted"])) == (1.6, 2.0, [WRAPPED])
    assert told["extra"]["counts"][WRAPPED] == "no"
    assert told["extra"]["rows mix"][WRAPPED] == "yes"


def test_an_unequal_race_prints_its_table_writes_its_json_and_has_no_ratio(finished, capsys):
    told, error = finished(laps(NAMES[1], loss=8.2))
    out = capsys.readouterr().out
    assert error is not None
    assert "8.2000" in out
    assert "ratio" not in out
    assert "goal" not in out
    assert told["unequal"] == str(error)
    assert [told[key] for key in ("ratio", "over_best", "over_padded", "lines")] == [None, None, None, []]


def test_the_processor_chooses_the_precision(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : fpu avx2 avx512_bf16 vaes\n")
    assert sft_work.best_precision(cpuinfo) == "bf16"
    cpuinfo.write_text("flags : fpu avx2 vaes\n")
    assert sft_work.best_precision(cpuinfo) == "fp32"
    assert sft_work.best_precision(tmp_path / "none") == "fp32"


def test_rows_are_the_same_every_time_and_differ_between_the_parts():
    rows = sft_data.made_up("train", 300, 384)
    assert rows == sft_data.made_up("train", 300, 384)
    assert rows != sft_data.made_up("valid", 300, 384)
    lengths = sorted(len(asked) + len(said) for asked, said in rows)
    assert lengths[0] >= 8
    assert 50 <= lengths[150] <= 80
    assert 300 <= lengths[-1] <= 384
    assert all(said[-1] == sft_data.END and sft_data.END not in asked + said[:-1] for asked, said in rows)


def test_only_completions_are_learned_and_both_sides_learn_the_same():
    found = sft_data.examples([([5, 6, 7], [8, 9, 1])])
    assert found.targets[0] == [-100, -100, 8, 9, 1, -100]
    assert sft_data.labels(found.ids[0], found.targets[0]) == [-100, -100, -100, 8, 9, 1]


@pytest.fixture
def model():
    return tiny.family("qwen2")


ROWS = [[5, 6, 7, 1], [9, 8, 1], [30, 31, 32, 33, 1]]


def test_a_mask_that_lets_rows_see_each_other_is_found(model):
    ids = torch.tensor([[token for row in ROWS for token in row]])
    assert sft_probe.mixing(model, iter([{"input_ids": ids, "attention_mask": torch.ones_like(ids)}])) > 0.01
    positions = torch.cat([torch.arange(len(row)) for row in ROWS])[None]
    assert sft_probe.mixing(model, iter([{"input_ids": ids, "position_ids": positions}])) < 1e-5
    packing.enable(model)
    assert sft_probe.mixing(model, iter([packing.pack(ROWS)])) < 1e-5


def test_the_losses_of_rows_are_the_same_packed_and_padded(model):
    targets = [[*row[1:], -100] for row in ROWS]
    width = max(map(len, ROWS))
    pad = [[*row, *[0] * (width - len(row))] for row in ROWS]
    padded = {
        "input_ids": torch.tensor(pad),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ROWS]),
        "targets": torch.tensor([[*of, *[-100] * (width - len(of))] for of in targets]),
    }
    lengths = list(map(len, ROWS))
    apart = sft_probe.row_losses(model, padded, lengths)
    packing.enable(model)
    assert sft_probe.row_losses(model, packing.pack(ROWS, targets), lengths) == pytest.approx(apart, rel=1e-5)
    assert len(apart) == 3
