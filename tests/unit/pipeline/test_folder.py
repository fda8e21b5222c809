"""A run's folder: ids, records, and finding a run by a part of its name."""

from pathlib import Path

import pytest

from engram.errors import NotFound
from engram.pipeline.folder import RunFolder, find_run, list_records, new_run_id
from engram.schema.report import Measure, Report
from engram.schema.run import RunRecord


def make_run(home: Path, name: str) -> RunFolder:
    folder = RunFolder(home / "runs" / name)
    folder.save_record(RunRecord(name, "toy", "language", "classify", "2026-01-01T00:00:00.000000Z", "queued"))
    return folder


def test_ids_are_unique_and_sort_by_time():
    ids = [new_run_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)


def test_a_run_is_found_by_id_by_beginning_and_as_last(tmp_path):
    make_run(tmp_path, "r_01AAAAAA")
    make_run(tmp_path, "r_01BBBBBB")
    assert find_run(tmp_path, "r_01AAAAAA").id == "r_01AAAAAA"
    assert find_run(tmp_path, "r_01BB").id == "r_01BBBBBB"
    assert find_run(tmp_path, "last").id == "r_01BBBBBB"


@pytest.mark.parametrize("name", ["r_01AA", "r_01AAAAAX", "last", "../escape"])
def test_an_unknown_or_ambiguous_run_is_told_in_words(tmp_path, name):
    if name != "last":
        make_run(tmp_path, "r_01AAAAAA")
        make_run(tmp_path, "r_01AAAAAB")
    with pytest.raises(NotFound, match="run"):
        find_run(tmp_path, name)


def test_the_nearest_run_is_suggested(tmp_path):
    make_run(tmp_path, "r_01AAAAAA")
    with pytest.raises(NotFound, match="Did you mean 'r_01AAAAAA'"):
        find_run(tmp_path, "r_01AAAAAX")


def test_runs_are_listed_newest_first(tmp_path):
    for name in ("r_01A", "r_01C", "r_01B"):
        make_run(tmp_path, name)
    assert [one.id for one in list_records(tmp_path)] == ["r_01C", "r_01B", "r_01A"]


def test_a_report_comes_back_as_it_was_saved(tmp_path):
    folder = make_run(tmp_path, "r_01A")
    report = Report("r_01A", "evaluate", 7, {"accuracy": Measure(0.5, interval=(0.25, 0.75))}, split_digest="sha256:1")
    folder.save_report(report)
    assert folder.report("evaluate") == report
    assert folder.report("train") is None


def test_attempts_are_in_the_order_of_their_numbers(tmp_path):
    folder = make_run(tmp_path, "r_01A")
    for number in (10, 2, 1):
        folder.attempt(number).mkdir()
    assert [one.name for one in folder.attempts()] == ["attempt-1", "attempt-2", "attempt-10"]
