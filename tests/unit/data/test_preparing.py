"""From sources to a split: every row is somewhere, and said where."""

from __future__ import annotations

import csv
import json
import os
import random
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.cache import load_split
from engram.data.leakage import leaked_rows
from engram.data.prepare import Prepared, check_data, prepare_split
from engram.data.rows import Row, read_part, row_line
from engram.errors import DataError, UnknownName, UsageError
from engram.files import canonical_json
from engram.schema.recipe import Clean, Data, Source, SplitPlan
from engram.schema.split import Part

NAMES = ("train", "valid", "test")


def write_csv(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def plain(count: int, labels: str = "abc") -> list[tuple[str, ...]]:
    return [(f"Row number {i}", labels[i % len(labels)]) for i in range(count)]


def data(*names: str, **changes: object) -> Data:
    return Data(tuple(Source(path=name) for name in names), **changes)


def prepare(folder: Path, what: Data, **options: object) -> Prepared:
    return prepare_split(what, folder=folder, cache=folder / "cache", **options)


def texts(made: Prepared, part: str) -> list[str]:
    return [row.text for row in read_part(made.folder, made.split.parts[part])]


def test_a_split_holds_what_it_says(tmp_path):
    write_csv(tmp_path / "rows.csv", plain(100))
    made = prepare(tmp_path, data("rows.csv"))
    assert {name: part.rows for name, part in made.split.parts.items()} == {"train": 80, "valid": 10, "test": 10}
    rows = [row for name in NAMES for row in read_part(made.folder, made.split.parts[name])]
    assert sorted(row.id for row in rows) == list(range(100))
    assert {(row.text, made.split.labels[row.label]) for row in rows} == set(plain(100))
    assert made.split.labels == ("a", "b", "c")
    assert [source.name for source in made.split.sources] == ["rows.csv"]
    assert made.report.said[0].startswith("read rows.csv as CSV, delimiter ','")
    assert made.report.example["kept"] == {"text": "Row number 0", "label": "a"}
    assert load_split(made.folder) == (made.split, made.report)
    assert all((made.folder / part.file).read_bytes().count(b"\n") == part.rows for part in made.split.parts.values())


def test_every_lost_row_is_counted_by_its_reason(tmp_path):
    rows = plain(30, "ab")
    bad = [("", "a"), (" ", "b"), ("no label", ""), ("odd label", "z"), rows[0], rows[0], ("both", "a"), ("both", "b")]
    path = write_csv(tmp_path / "rows.csv", rows + bad)
    path.write_text(path.read_text() + "\n")
    made = prepare(tmp_path, data("rows.csv", labels={"b": "bad", "a": "good"}))
    assert made.report.dropped == {
        "blank_line": 1,
        "missing_text": 2,
        "missing_label": 1,
        "unknown_label": 1,
        "duplicate": 2,
        "conflicting_label": 2,
    }
    assert (made.report.rows_read, made.report.rows_kept) == (39, 30)
    assert made.split.labels == ("bad", "good")
    assert sum(made.report.class_counts[name]["good"] for name in NAMES) == 15


CELL = st.tuples(
    st.sampled_from(["", " ", "One", "one", "ONE  ", "two", "three words here", "four", "five", "six", "séven", "8"]),
    st.sampled_from(["a", "b", "", " a"]),
    st.sampled_from(["", "g", "h"]),
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(CELL, max_size=30),
    deduplicate=st.sampled_from(["exact", "none"]),
    group=st.sampled_from([None, "group", "text"]),
    limit=st.sampled_from([None, 25, 40]),
    seed=st.integers(0, 9),
)
def test_no_row_is_ever_lost_in_silence_and_no_text_leaks(rows, deduplicate, group, limit, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        more = [(f"filler {i}", "ab"[i % 2], f"f{i}") for i in range(20)]
        write_csv(folder / "rows.csv", rows + more, ("text", "label", "group"))
        plan = SplitPlan(train=0.6, valid=0.2, test=0.2, group=group, seed=seed)
        made = prepare(folder, data("rows.csv", clean=Clean(deduplicate=deduplicate), split=plan, limit=limit))
        report = made.report
        assert report.rows_read == len(rows) + 20 == report.rows_kept + sum(report.dropped.values())
        assert sum(part.rows for part in made.split.parts.values()) == report.rows_kept <= (limit or 50)
        assert sum(sum(counts.values()) for counts in report.class_counts.values()) == report.rows_kept
        assert report.leaked_test_rows == 0


def test_rows_of_a_group_stay_together_also_through_shared_texts(tmp_path):
    rows = [(f"text {i}", "ab"[i % 2], f"author {i // 4}") for i in range(200)]
    rows += [("TEXT 3", "a", "author 40"), ("text  170", "b", "author 2")]
    write_csv(tmp_path / "rows.csv", rows, ("text", "label", "author"))
    made = prepare(tmp_path, data("rows.csv", split=SplitPlan(group="author")))
    home = {text: name for name in NAMES for text in texts(made, name)}
    where: dict[str, set[str]] = {}
    for text, _, author in rows:
        where.setdefault(author, set()).add(home[text])
    assert all(len(parts) == 1 for parts in where.values())
    assert where["author 0"] == where["author 40"]
    assert where["author 42"] == where["author 2"]


def test_the_order_of_the_file_does_not_change_who_goes_where(tmp_path):
    rows = [(f"text {i // 2}", "ab"[i // 2 % 2], f"g{i % 7}") for i in range(120)]
    write_csv(tmp_path / "one.csv", rows, ("text", "label", "g"))
    write_csv(tmp_path / "two.csv", random.Random(3).sample(rows, len(rows)), ("text", "label", "g"))
    grouped = SplitPlan(group="g", train=0.5, valid=0.25, test=0.25)
    for plan, limit in ((SplitPlan(), None), (grouped, None), (SplitPlan(), 40)):
        one, two = (prepare(tmp_path, data(name, split=plan, limit=limit)) for name in ("one.csv", "two.csv"))
        assert all(sorted(texts(one, name)) == sorted(texts(two, name)) for name in NAMES)


@pytest.mark.parametrize("stratify", ["label", "kind"])
def test_the_class_that_comes_first_does_not_change_who_goes_where(tmp_path, stratify):
    draw = random.Random(1)
    rows = [(f"text {i}", draw.choice("abcde"), draw.choice("uvwx")) for i in range(73)]
    splits = []
    for number in range(6):
        write_csv(tmp_path / f"{number}.csv", draw.sample(rows, len(rows)), ("text", "label", "kind"))
        made = prepare(tmp_path, data(f"{number}.csv", split=SplitPlan(0.5, 0.25, 0.25, stratify=stratify)))
        splits.append([sorted(texts(made, name)) for name in NAMES])
    assert all(one == splits[0] for one in splits)


def test_the_seed_decides_the_split(tmp_path):
    write_csv(tmp_path / "rows.csv", plain(200))
    digests = [prepare(tmp_path, data("rows.csv", split=SplitPlan(seed=seed))).split.digest for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def test_the_split_is_the_same_on_every_platform(tmp_path):
    write_csv(tmp_path / "rows.csv", plain(60))
    made = prepare(tmp_path, data("rows.csv"))
    # The numbers were written down once: another machine or version that disagrees would compare other test sets.
    assert texts(made, "test") == [f"Row number {i}" for i in (18, 23, 25, 28, 35, 57)]


def test_parts_as_given_stay_as_given(tmp_path):
    write_csv(tmp_path / "train.csv", [*plain(20), ("Twin", "a"), ("Twin", "a"), ("In test", "a"), ("in  dev", "b")])
    write_csv(tmp_path / "dev.csv", [("In dev", "b"), ("in TEST", "a"), ("other", "c")])
    write_csv(tmp_path / "test.csv", [("in test", "a"), ("again", "b"), ("again", "b"), ("again", "c")])
    train, dev = Source(path="train.csv", part="train"), Source(path="dev.csv", part="valid")
    made = prepare(tmp_path, Data((train, dev, Source(path="test.csv", part="test"))))
    assert texts(made, "test") == ["in test", "again", "again", "again"]
    assert texts(made, "valid") == ["In dev", "other"]
    assert made.split.parts["train"].rows == 21
    assert made.report.dropped == {"leaked": 3, "duplicate": 1}
    assert made.report.leaked_test_rows == 0


def test_a_missing_part_is_dealt_from_train(tmp_path):
    write_csv(tmp_path / "train.csv", plain(90))
    write_csv(tmp_path / "test.csv", [("unseen", "a"), ("unknown", "b")])
    made = prepare(tmp_path, Data((Source(path="train.csv"), Source(path="test.csv", part="test"))))
    assert {name: part.rows for name, part in made.split.parts.items()} == {"train": 80, "valid": 10, "test": 2}
    assert "as given: test" in made.report.said[-1]


def test_the_leakage_check_sees_a_leak_that_somebody_made(tmp_path):
    lines = {"train": ["One  two"], "valid": ["x"], "test": ["one TWO", "one two", "three"]}
    for name, rows in lines.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(row_line(0, text, 0) for text in rows))
    parts = {name: Part(f"{name}.jsonl", len(rows), "") for name, rows in lines.items()}
    assert leaked_rows(tmp_path, parts) == 2


def test_prep_steps_are_applied_before_texts_are_compared(tmp_path):
    write_csv(tmp_path / "rows.csv", [*plain(30), ("ROW NUMBER 0", "a")])
    made = prepare(tmp_path, data("rows.csv"), steps=[str.lower], step_names=["lower/1"])
    assert made.report.dropped == {"duplicate": 1}
    assert "row number 7" in [text for name in NAMES for text in texts(made, name)]


def test_empty_cells_of_the_group_are_counted_and_group_nothing(tmp_path):
    write_csv(tmp_path / "rows.csv", [(*row, "") for row in plain(50)], ("text", "label", "author"))
    made = prepare(tmp_path, data("rows.csv", split=SplitPlan(group="author")))
    assert made.report.missing_values == 50
    assert made.split.parts["test"].rows == 5


def test_stratifying_by_another_column_keeps_its_proportions(tmp_path):
    rows = [(*row, "rare" if i % 10 == 0 else "often") for i, row in enumerate(plain(200))]
    write_csv(tmp_path / "rows.csv", rows, ("text", "label", "kind"))
    made = prepare(tmp_path, data("rows.csv", split=SplitPlan(stratify="kind")))
    rare = [text for text in texts(made, "test") if int(text.split()[-1]) % 10 == 0]
    assert len(rare) == 2


def test_without_stratifying_a_rare_label_may_go_anywhere(tmp_path):
    write_csv(tmp_path / "rows.csv", [(f"text {i}", f"label {i}") for i in range(30)])
    made = prepare(tmp_path, data("rows.csv", split=SplitPlan(stratify=None)))
    assert {name: part.rows for name, part in made.split.parts.items()} == {"train": 24, "valid": 3, "test": 3}
    with pytest.raises(DataError, match="left none for the part 'valid'"):
        prepare(tmp_path, data("rows.csv"))


def test_two_values_may_share_a_name(tmp_path):
    write_csv(tmp_path / "rows.csv", plain(40, "0123"))
    made = prepare(tmp_path, data("rows.csv", labels={"3": "high", "2": "high", "1": "low", "0": "low"}))
    assert made.split.labels == ("high", "low")
    assert sum(made.report.class_counts[name]["low"] for name in NAMES) == 20


@given(st.integers(0, 10**9), st.text(st.characters(exclude_categories=("Cs",))), st.integers(0, 999))
def test_a_row_is_written_as_canonical_json(number, text, label):
    line = row_line(number, text, label)
    assert line.encode() == canonical_json({"id": number, "text": text, "label": label}) + b"\n"


def test_a_text_with_any_line_separator_is_one_row(tmp_path):
    odd = "a\u2028b\x0bc\rd\ne\x85f"
    (tmp_path / "part.jsonl").write_text(row_line(1, odd, 0), encoding="utf-8", newline="")
    assert list(read_part(tmp_path, Part("part.jsonl", 1, ""))) == [Row(1, odd, 0)]


def test_a_check_reads_everything_and_writes_nothing(tmp_path):
    write_csv(tmp_path / "rows.csv", [*plain(4), ("", "a")])
    report = check_data(data("rows.csv"), folder=tmp_path)
    assert (report.rows_read, report.rows_kept, report.dropped) == (5, 4, {"missing_text": 1})
    assert report.class_counts["train"] == {"a": 2, "b": 1, "c": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"columns": {"text": "text", "lable": "label"}}, UsageError, "Did you mean 'label'"),
        ({"columns": {"text": "txet", "label": "label"}}, DataError, "Did you mean 'text'"),
        ({"split": SplitPlan(train=0.8, valid=0.1, test=0.2)}, UsageError, "add up to 1"),
        ({"split": SplitPlan(train=1.1, valid=-0.1, test=0.0)}, UsageError, "at least 0"),
        ({"split": SplitPlan(group="autor")}, DataError, "no column 'autor'"),
        ({"limit": 0}, UsageError, "at least 1"),
        ({"limit": 2}, DataError, "left none for the part"),
        ({"labels": {"x": "y"}}, DataError, "30 unknown_label"),
    ],
)
def test_a_configuration_that_means_nothing_is_answered(tmp_path, change, error, words):
    write_csv(tmp_path / "rows.csv", plain(30))
    with pytest.raises(error) as caught:
        prepare(tmp_path, data("rows.csv", **change))
    assert words in str(caught.value)
    assert not list((tmp_path / "cache").glob("*"))


def test_sources_that_do_not_exist_are_answered(tmp_path):
    write_csv(tmp_path / "rows.csv", plain(30))
    with pytest.raises(DataError, match=r"Did you mean 'rows\.csv'"):
        prepare(tmp_path, data("row.csv"))
    with pytest.raises(UnknownName, match=r"Unknown sample '\.\./secrets'"):
        prepare(tmp_path, Data((Source(sample="../secrets"),)))
    with pytest.raises(UnknownName, match="Unknown reader 'cvs'"):
        prepare(tmp_path, Data((Source(path="rows.csv", format="cvs"),)))
    with pytest.raises(UsageError, match="exactly one of path, sample, hub and dataset"):
        prepare(tmp_path, Data((Source(),)))
    with pytest.raises(UsageError, match="no source"):
        prepare(tmp_path, Data(()))


def test_more_labels_than_a_classifier_has_is_the_wrong_column(tmp_path):
    write_csv(tmp_path / "rows.csv", [(f"t{i}", f"l{i}") for i in range(10_050)])
    with pytest.raises(DataError, match="more than 10,000 different values") as caught:
        prepare(tmp_path, data("rows.csv"))
    assert (caught.value.line, caught.value.column) == (10_002, "label")


def test_progress_counts_rows_twice_and_ends_complete(tmp_path):
    write_csv(tmp_path / "rows.csv", plain(10_001))
    seen: list[tuple[int, int]] = []
    prepare(tmp_path, data("rows.csv"), on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 0), (10_000, 0), (0, 10_001), (10_000, 10_001), (10_001, 10_001)]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_memory_stays_flat_over_a_file_of_40_mb(tmp_path, suffix):
    filler = "x" * 2000
    path = tmp_path / f"rows.{suffix}"
    with path.open("w") as stream:
        stream.write("text,label\n" if suffix == "csv" else "")
        for i in range(20_000):
            text, label = f"{i} {filler}", "ab"[i % 2]
            stream.write(f"{text},{label}\n" if suffix == "csv" else json.dumps({"text": text, "label": label}) + "\n")
    assert path.stat().st_size > 40_000_000
    prepare(tmp_path, data(write_csv(tmp_path / "warm.csv", plain(40)).name))
    tracemalloc.start()
    try:
        prepare(tmp_path, data(path.name))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20


FOLDER = Path(os.environ.get("ENGRAM_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / "sst2"


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the SST-2 files are not here; set ENGRAM_TEST_DATA")
def test_sst2_keeps_its_test_part_and_loses_only_counted_rows(tmp_path):
    sources = tuple(
        Source(path=f"{name}.tsv", part=part, header=("text", "label"), quoting=False)
        for name, part in (("train", "train"), ("dev", "valid"), ("test", "test"))
    )
    labels = {"0": "negative", "1": "positive"}
    made = prepare_split(Data(sources, labels=labels), folder=FOLDER, cache=tmp_path)
    assert made.report.rows_read == 6920 + 872 + 1821
    assert made.split.parts["test"].rows == 1821
    assert made.report.rows_kept + sum(made.report.dropped.values()) == made.report.rows_read
    assert set(made.report.dropped) <= {"leaked", "duplicate", "conflicting_label"}
    assert made.report.leaked_test_rows == 0
    assert " as TSV, quotes taken as ordinary characters, no header line, 2 columns" in made.report.said[0]
