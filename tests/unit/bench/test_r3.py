"""R3 gives a figure only when all contestants trained alike: rows, tokens, steps, start and loss."""

from __future__ import annotations

import doctest
import json
import math

import lora_classify
import pytest
import r3_lora_classify as r3
import race
from race import Lap, RaceFailed

NAMES = tuple(r3.TITLES.values())
RESULT = {"rows": 100, "tokens": 2000, "padded": 2500, "steps": 10, "first_loss": 0.69, "loss": 0.40}
PLAN = lora_classify.Plan(100, 50, 1, 10, 1e-3, "bf16", 1, lora_classify.MADE_UP)


def laps(**changes):
    """Return two rounds of every contestant; changes fall on the last contestant alone."""

    def result(place, number):
        changed = changes if place == 2 else {}
        return {**RESULT, **changed, **({"first_loss": math.nan} if number else {})}

    return {
        name: [Lap(1.0 + place, 2.0, 0.0, result(place, number)) for number in range(2)]
        for place, name in enumerate(NAMES)
    }


def test_the_examples_of_the_race_hold():
    assert doctest.testmod(r3).failed == 0


def test_equal_work_is_told():
    assert "0.00 % apart" in r3.check_work(laps(), 100, quick=False)[0]
    assert "0.75 % apart" in r3.check_work(laps(loss=0.403), 100, quick=False)[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": 99}, "different numbers of rows"),
        ({"tokens": 1999}, "different numbers of tokens"),
        ({"steps": 11}, "different numbers of steps"),
        ({"first_loss": 0.70}, "validation loss before training differs"),
        ({"loss": 0.4041}, "mean validation loss after training differs by 1.02 %"),
        ({"loss": math.nan}, "not finite"),
    ],
)
def test_other_work_gives_no_figure(changes, said):
    with pytest.raises(RaceFailed, match=f"NOT EQUAL.*{said}"):
        r3.check_work(laps(**changes), 100, quick=False)


def test_rows_that_were_not_planned_and_losses_that_did_not_fall_give_no_figure():
    with pytest.raises(RaceFailed, match="101 rows were planned"):
        r3.check_work(laps(), 101, quick=False)
    still = {name: [Lap(1.0, 1.0, 0.0, {**RESULT, "loss": 0.68})] for name in NAMES}
    with pytest.raises(RaceFailed, match="prove nothing"):
        r3.check_work(still, 100, quick=False)


def test_a_quick_run_compares_the_loss_before_training_only_and_says_so():
    said = r3.check_work(laps(loss=0.68), 100, quick=True)[0]
    assert "0.6900 before" in said
    assert "checks no more" in said
    assert "apart" not in said
    for changes in ({"first_loss": 0.70}, {"tokens": 1999}, {"loss": math.nan}):
        with pytest.raises(RaceFailed, match="NOT EQUAL"):
            r3.check_work(laps(**changes), 100, quick=True)


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
        return json.loads((tmp_path / "r3_lora_classify-made-up-bf16.json").read_text()), error

    return finish


def test_both_ratios_are_told_and_the_one_over_the_best_peer_leads(finished, capsys):
    told, error = finished(laps())
    lines = capsys.readouterr().out.splitlines()
    assert error is None
    assert "over the padded peer: 2.00 x; over the best peer: 2.00 x (real tokens/CPU s)" in lines
    assert [line for line in lines if line.startswith("ratio")] == [
        "ratio: engram: 2.00 x the real tokens/CPU s of the best peer"
    ]
    assert (told["over_best"], told["over_padded"], told["unequal"]) == (2.0, 2.0, None)


def test_an_unequal_race_prints_its_table_writes_its_json_and_has_no_ratio(finished, capsys):
    told, error = finished(laps(loss=0.41))
    out = capsys.readouterr().out
    assert error is not None
    assert "0.4100" in out
    assert "ratio" not in out
    assert "goal" not in out
    assert told["unequal"] == str(error)
    assert told["laps"][NAMES[2]][0]["result"]["loss"] == 0.41
    assert [told[key] for key in ("ratio", "over_best", "over_padded", "lines")] == [None, None, None, []]


def test_speed_is_real_tokens_over_cpu_seconds_and_the_best_peer_counts():
    speed = r3.speeds(laps())
    assert speed == dict(zip(NAMES, (2000.0, 1000.0, 2000 / 3), strict=True))
    assert r3.ratios(speed) == (2.0, 2.0)
    assert r3.ratios(dict(zip(NAMES, (6.0, 2.0, 3.0), strict=True))) == (3.0, 2.0)


def test_the_columns_tell_padding_and_loss_of_every_contestant():
    told = r3.columns(laps(loss=0.404))
    assert told["real share"] == dict.fromkeys(NAMES, "0.80")
    assert told["mean loss"][NAMES[2]] == "0.4040"
    assert told["real tokens/CPU s"][NAMES[0]] == "2000 (2000 to 2000)"


def test_made_up_rows_are_the_same_every_time_and_differ_between_the_parts():
    train = lora_classify.read_rows(None, "train", 50)
    assert train == lora_classify.read_rows(None, "train", 50)
    assert train != lora_classify.read_rows(None, "dev", 50)
    assert [row.id for row in train] == list(range(50))


def test_every_fifth_made_up_label_is_wrong_and_the_text_tells_the_right_one():
    for number, row in enumerate(lora_classify.read_rows(None, "train", 500)):
        words = row.text.split()
        good, bad = (sum(word in some for word in words) for some in (lora_classify.GOOD, lora_classify.BAD))
        assert good + bad == max(1, len(words) // 2)
        assert min(good, bad) == 0
        assert (good > 0) is (bool(row.label) is (number % 5 != 0))


def test_made_up_texts_are_as_long_as_sentences_of_sst2():
    lengths = sorted(len(row.text.split()) + 2 for row in lora_classify.read_rows(None, "train", 2000))
    assert 20 <= lengths[1000] <= 24
    assert lengths[0] >= 3
    assert 52 <= lengths[-1] <= 67


def test_rows_are_drawn_from_sst2_when_it_is_there(tmp_path):
    (tmp_path / "train.tsv").write_text("".join(f"text {i}\t{i % 2}\n" for i in range(20)))
    rows = lora_classify.read_rows(tmp_path, "train", 10)
    assert len({row.text for row in rows}) == 10
    assert all(int(row.text.split()[1]) % 2 == row.label for row in rows)


def test_sst2_is_found_by_the_folder_of_test_data_or_its_absence_is_told(tmp_path, monkeypatch):
    (tmp_path / "sst2").mkdir()
    (tmp_path / "sst2" / "train.tsv").write_text("fine\t1\n")
    monkeypatch.setenv("ENGRAM_TEST_DATA", str(tmp_path))
    assert lora_classify.sst2_folder() == tmp_path / "sst2"
    monkeypatch.delenv("ENGRAM_TEST_DATA")
    monkeypatch.setattr(lora_classify, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(RaceFailed, match="ENGRAM_TEST_DATA"):
        lora_classify.sst2_folder()
