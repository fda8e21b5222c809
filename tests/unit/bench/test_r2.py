"""R2 gives a figure only when all kept the same rows, made as many tokens, and used their caches as they should."""

from __future__ import annotations

import csv
import doctest
import json
from pathlib import Path

import ingest
import pytest
import r2_ingest as r2
import race
from race import Lap, RaceFailed

KEPT = 100
MEMORY = {"start": 100 * 2**20, "split": 110 * 2**20, "tokens": 120 * 2**20}
COLD, CACHED = (r2.Entry(ingest.PEER, ingest.CSV, when) for when in (r2.COLD, r2.CACHED))


def laps(entry=None, **changes):
    """Return two rounds of every contestant; the peer takes twice our time, and changes fall on one entry's last."""

    def one(of, number):
        seconds = 1.0 if of.way == ingest.OURS else 2.0
        result = {
            "rows": {"train": 80 * of.times, "valid": 10 * of.times, "test": 10 * of.times},
            "tokens": 1000 * of.times,
            "fresh": 0 if of.when == r2.CACHED else 6,
            "cpu_s": seconds,
            "split_cpu_s": seconds / 4,
            "memory": {
                point: bytes_ * (2 if of.times > 1 and point == "tokens" else 1) for point, bytes_ in MEMORY.items()
            },
            **(changes if of == entry and number else {}),
        }
        return Lap(seconds, seconds, 0.0, result)

    return {of.name: [one(of, number) for number in range(2)] for of in r2.ENTRIES}


def test_the_examples_of_the_race_hold():
    assert doctest.testmod(r2).failed == 0


def test_equal_work_is_told():
    assert "tokens: 1000 (1 x) and 8000 (8 x)" in r2.check_work(laps(), KEPT)[0]


@pytest.mark.parametrize(
    ("entry", "changes", "said"),
    [
        (COLD, {"rows": {"train": 81, "valid": 9, "test": 10}}, "kept .*81.*, not .*80"),
        (COLD, {"rows": {"train": 80, "valid": 10, "test": 11}}, "kept"),
        (COLD, {"tokens": 1001}, r"different numbers of tokens: \[1000, 1001\]"),
        (r2.ENTRIES[-1], {"tokens": 7999}, "different numbers of tokens"),
        (COLD, {"fresh": 0}, "datasets, csv, cold made 0 new files"),
        (CACHED, {"fresh": 1}, "datasets, csv, from cache made 1 new files"),
    ],
)
def test_other_work_gives_no_figure(entry, changes, said):
    with pytest.raises(RaceFailed, match=f"NOT EQUAL: .*{said}"):
        r2.check_work(laps(entry, **changes), KEPT)


def test_the_worst_file_gives_the_ratio_and_the_goals_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    monkeypatch.setattr(race, "versions", lambda packages: dict.fromkeys(packages, "1"))
    rows = {entry.name: 106 * entry.times for entry in r2.ENTRIES}
    r2.finish(laps(), rows, KEPT, quick=False)
    lines = capsys.readouterr().out.splitlines()
    assert (
        "their CPU time over ours, cold: csv: 2.00, jsonl: 2.00, csv 8 x: 2.00; from cache: csv: 2.00, jsonl: 2.00"
        in lines
    )
    assert "ratio: engram: 2.00 x the rows/CPU s of datasets cold, 2.00 x from cache, at its worst file" in lines
    assert "goal: at least 2 x cold, with every file: reached" in lines
    assert "goal: at least 20 x from cache: missed" in lines
    assert "goal: memory to the split flat (at most 1.25 x): reached" in lines
    assert "goal: memory to the tokens flat (at most 1.25 x): missed" in lines
    with pytest.raises(RaceFailed):
        r2.finish(laps(COLD, tokens=1), rows, KEPT, quick=False)
    out = capsys.readouterr().out
    assert "ratio" not in out
    assert "goal" not in out
    told = json.loads((tmp_path / "r2_ingest.json").read_text())
    assert [told[key] for key in ("ratio", "cold", "cached", "memory_growth", "lines")] == [None, None, None, None, []]


def test_a_file_holds_different_rows_copies_with_other_white_space_and_empty_ones():
    found = list(ingest.rows(200))
    texts = [text.strip() for text, _ in found if text.strip()]
    assert len(found) == 200 + 2 * (ingest.COPIES + ingest.EMPTY)
    assert len(set(texts)) == 200
    assert len({text.casefold() for text in texts}) == 200
    assert len({(text.strip(), label) for text, label in found if text.strip()}) == 200
    kept = dict(found)
    assert all(list(kept.values()).count(label) >= 50 for label in ingest.LABELS)


def test_both_formats_hold_the_same_rows(tmp_path):
    table, lines = tmp_path / "a.csv", tmp_path / "a.jsonl"
    assert ingest.write_rows(table, 100) == ingest.write_rows(lines, 100) == 106
    with table.open(encoding="utf-8", newline="") as stream:
        read = list(csv.DictReader(stream))
    assert read == [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]


def test_the_peers_filter_keeps_the_first_of_equal_texts_over_batches():
    first_seen = ingest.FirstSeen()
    assert first_seen(["a", "", "a", "b"]) == [True, False, False, True]
    assert first_seen(["b", "c"]) == [False, True]


def test_our_side_keeps_the_rows_that_the_race_expects_and_takes_them_from_its_cache(tmp_path):
    file = tmp_path / "a.csv"
    ingest.write_rows(file, 80)
    clock, parts = ingest.ingest_ours(str(file), tmp_path / "cache")
    assert {name: rows for name, (rows, _) in parts.items()} == {"train": 64, "valid": 8, "test": 8}
    assert all(tokens > 2 * rows for rows, tokens in parts.values())
    assert list(clock.at) == ["split", "tokens"]
    made = ingest.kept_files(tmp_path / "cache")
    assert made
    _, again = ingest.ingest_ours(str(file), tmp_path / "cache")
    assert again == parts
    assert ingest.kept_files(tmp_path / "cache") == made


def test_an_entry_from_cache_has_a_cache_of_its_own_and_a_cold_one_none(tmp_path):
    plans = {entry.name: json.loads(entry.command(str(tmp_path))[-1]) for entry in r2.ENTRIES}
    caches = [plan["cache"] for plan in plans.values() if plan["cache"]]
    assert len(set(caches)) == len(caches) == 4
    assert all((plan["cache"] is None) is ("cold" in name) for name, plan in plans.items())
    rows = r2.write_files(str(tmp_path), 40)
    assert rows[r2.ENTRIES[-1].name] > 8 * 40
    assert all(Path(plan["file"]).is_file() and Path(plan["small"]).is_file() for plan in plans.values())
