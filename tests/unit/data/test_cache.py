"""The cache of splits: found again, never half there, and never trusted when damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engram.data.cache import ABANDONED_SECONDS, load_split, seal
from engram.data.prepare import Prepared, prepare_split
from engram.errors import DataError, NotFound
from engram.proc import CRASHPOINT_VARIABLE
from engram.schema.recipe import Data, Source, SplitPlan

FILES = ("train.jsonl", "valid.jsonl", "test.jsonl", "split.json", "report.json", "SHA256SUMS")
CHILD = """
import sys
from pathlib import Path
from engram.data.prepare import prepare_split
from engram.schema.recipe import Data, Source
folder = Path(sys.argv[1])
prepare_split(Data((Source(path="rows.csv"),)), folder=folder, cache=folder / "cache")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "rows.csv").write_text("text,label\n" + rows)
    return tmp_path


def prepare(folder: Path, data: Data | None = None, **options: object) -> Prepared:
    data = data or Data((Source(path="rows.csv"),))
    return prepare_split(data, folder=folder, cache=folder / "cache", **options)


def test_the_second_time_it_is_there_already(folder):
    first, second = prepare(folder), prepare(folder)
    assert (first.cached, second.cached) == (False, True)
    assert (first.split, first.report, first.folder) == (second.split, second.report, second.folder)
    assert sorted(path.name for path in first.folder.iterdir()) == sorted(FILES)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not on this machine")
def test_the_sums_are_those_of_sha256sum(folder):
    made = prepare(folder)
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=made.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_another_byte_another_seed_or_another_step_is_another_entry(folder):
    seen = {prepare(folder).folder}
    seen.add(prepare(folder, Data((Source(path="rows.csv"),), split=SplitPlan(seed=7))).folder)
    seen.add(prepare(folder, steps=[str.lower], step_names=["lower/1"]).folder)
    seen.add(prepare(folder, steps=[str.lower], step_names=["lower/2"]).folder)
    seen.add(prepare(folder, Data((Source(path="rows.csv"),), labels={"a": "A", "b": "B"})).folder)
    seen.add(prepare(folder, Data((Source(path="rows.csv"),), labels={"b": "B", "a": "A"})).folder)
    with (folder / "rows.csv").open("a") as stream:
        stream.write("one more,a\n")
    seen.add(prepare(folder).folder)
    assert len(seen) == 7


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["flip", "cut", "remove"])
def test_a_damaged_entry_is_made_again(folder, name, how):
    first = prepare(folder)
    good = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    victim = first.folder / name
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    if how == "remove":
        victim.unlink()
    else:
        victim.write_bytes(content if how == "flip" else good[name][:-2])
    second = prepare(folder)
    assert second.cached is False
    assert {path.name: path.read_bytes() for path in second.folder.iterdir()} == good
    assert not list((folder / "cache").glob(".tmp-*"))


def test_an_entry_with_a_foreign_file_is_made_again(folder):
    (prepare(folder).folder / "extra").write_text("x")
    assert prepare(folder).cached is False
    assert prepare(folder).cached is True


def test_parts_and_sums_that_were_changed_together_are_found_by_the_split(folder):
    made = prepare(folder)
    part = made.folder / "test.jsonl"
    part.write_bytes(part.read_bytes().replace(b"text", b"TEXT"))
    seal(made.folder)
    assert prepare(folder).cached is False


def test_labels_and_sums_that_were_changed_together_are_found_by_the_digest(folder):
    made = prepare(folder)
    record = made.folder / "split.json"
    record.write_bytes(record.read_bytes().replace(b'"labels":["a","b"]', b'"labels":["b","a"]'))
    seal(made.folder)
    second = prepare(folder)
    assert (second.cached, second.split.labels) == (False, ("a", "b"))


@pytest.mark.parametrize("point", ["data.after-scan", "data.before-rename"])
def test_a_killed_import_leaves_no_entry_and_the_next_one_is_whole(folder, point):
    environment = {**os.environ, CRASHPOINT_VARIABLE: point}
    done = subprocess.run([sys.executable, "-c", CHILD, str(folder)], env=environment, check=False)
    assert done.returncode != 0
    cache = folder / "cache"
    assert not [path for path in cache.glob("*") if not path.name.startswith(".tmp-")]
    made = prepare(folder)
    assert made.cached is False
    assert made.report.rows_kept == 40


def test_what_killed_imports_left_is_swept_after_a_day(folder):
    old, young = (folder / "cache" / f".tmp-{name}" for name in ("old", "young"))
    for left in (old, young):
        left.mkdir(parents=True)
        (left / "train.jsonl").write_text("half")
    yesterday = time.time() - ABANDONED_SECONDS - 60
    os.utime(old, (yesterday, yesterday))
    prepare(folder)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_source_that_changes_while_it_is_read_is_not_imported(folder):
    def grow(done: int, total: int) -> None:
        if total and not done:
            with (folder / "rows.csv").open("a") as stream:
                stream.write("late,a\n")

    with pytest.raises(DataError, match="changed while it was read"):
        prepare(folder, on_progress=grow)
    assert not list((folder / "cache").iterdir())


def test_a_folder_without_a_split_is_said(folder):
    with pytest.raises(NotFound, match="holds no split"):
        load_split(folder)
    made = prepare(folder)
    (made.folder / "split.json").write_text(json.dumps({"format": "engram.split/1"}))
    with pytest.raises(NotFound, match="holds no split"):
        load_split(made.folder)
