"""What a user sees when a source is a folder or a pattern."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.rows import write_rows

from engram import registry
from engram.data.prepare import check_data, prepare_split
from engram.data.reader import choose_reader
from engram.data.sources import open_sources, source_path
from engram.errors import DataError, UsageError
from engram.schema.recipe import Data, Source, SplitPlan


def make(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def opened(folder: Path, name: str, **options: object):
    (found,) = open_sources((Source(path=name, **options),), folder)
    return found


def rows(folder: Path, name: str, **options: object) -> list:
    found = opened(folder, name, **options)
    return [cells for _, cells in found.reader.read(found.path, found.source, None)]


def refuse(folder: Path, name: str, **options: object) -> DataError:
    with pytest.raises(DataError) as caught:
        opened(folder, name, **options)
    return caught.value


def labelled(count: int, *, of: str = "a") -> str:
    return "".join(f'{{"text": "{of} {i}", "label": "{"xy"[i % 2]}"}}\n' for i in range(count))


def test_the_files_of_a_folder_are_one_source_in_the_order_of_their_names(tmp_path):
    make(
        tmp_path, {"d/b.csv": "label,text\nx,2\n", "d/a.csv": "text,label\n1,x\n", "d/README.md": "#", "d/.hidden": ""}
    )
    make(tmp_path, {"d/_SUCCESS": "", "d/.git/a.csv": "no rows"})
    assert [cells["text"] for cells in rows(tmp_path, "d")] == ["1", "2"]
    found = opened(tmp_path, "d")
    told = "read a.csv as CSV, delimiter ',', header line, 2 columns: text, label"
    assert found.said == f"found 2 files by d, {told}; passed over: README.md"
    assert (found.file.name, found.file.format, found.columns) == ("d", "csv", ("text", "label"))
    assert found.file.bytes == sum((tmp_path / "d" / name).stat().st_size for name in ("a.csv", "b.csv"))


@pytest.mark.parametrize("name", registry.names("reader"))
def test_every_format_may_come_in_parts(tmp_path, name):
    folder = tmp_path / "parts"
    folder.mkdir()
    suffix = registry.get("reader", name).suffixes[0]
    for part in (1, 2):
        record = {"tokens": [f"w{part}"], "tags": ["O"]} if name == "conll" else {"text": f"w{part}", "label": "x"}
        write_rows(name, folder / f"part-{part}{suffix}", [record, record])
    found = opened(tmp_path, "parts")
    assert found.reader.name == name
    assert [str(cells).count("w1") for cells in rows(tmp_path, "parts")] == [1, 1, 0, 0]
    assert rows(tmp_path, f"parts/*{suffix}") == rows(tmp_path, "parts")


def test_files_of_json_may_begin_with_different_keys(tmp_path):
    make(tmp_path, {"d/a.jsonl": '{"text": "1"}\n', "d/b.ndjson": '{"text": "2", "more": "x"}\n'})
    assert rows(tmp_path, "d") == [{"text": "1"}, {"text": "2", "more": "x"}]


def test_an_error_names_the_file_and_its_own_line(tmp_path):
    make(tmp_path, {"d/a.csv": "text,label\n1,x\n2,x\n", "d/b.csv": "text,label\n1,x\n2\n"})
    found = opened(tmp_path, "d")
    with pytest.raises(DataError) as caught:
        list(found.reader.read(found.path, found.source, ("text",)))
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "d" / "b.csv"), 3)


def test_sub_folders_are_labels(tmp_path):
    make(tmp_path, {"d/neg/2.txt": "bad\n\nvery\n", "d/neg/1.txt": "poor", "d/pos/1.txt": "good, fine\n"})
    make(tmp_path, {"d/pos/empty.TXT": "", "d/pos/notes.md": "#", "d/README": "#"})
    assert rows(tmp_path, "d") == [
        {"text": "poor", "label": "neg"},
        {"text": "bad\n\nvery", "label": "neg"},
        {"text": "good, fine", "label": "pos"},
        {"text": "", "label": "pos"},
    ]
    found = opened(tmp_path, "d")
    assert found.said.startswith(
        "found 4 files by d, read each as one text, labelled by its sub-folder, 2 labels: neg,"
    )
    assert found.said.endswith("passed over: README, notes.md")
    assert next(found.reader.read(found.path, found.source, ("label",))) == (1, {"label": "neg"})
    with pytest.raises(DataError, match=r"no column 'lable'.*Did you mean 'label'"):
        list(found.reader.read(found.path, found.source, ("lable",)))
    with pytest.raises(UsageError, match="sub-folders named by labels hold texts, and the format 'csv' was given"):
        opened(tmp_path, "d", format="csv")


def test_a_long_text_among_labels_is_named(tmp_path):
    make(tmp_path, {"d/neg/1.txt": "bad\n" * 300_000})
    with pytest.raises(DataError, match="longer than 1 MiB") as caught:
        rows(tmp_path, "d")
    assert caught.value.file.endswith("neg/1.txt")


def test_a_pattern_takes_the_files_that_fit(tmp_path):
    make(tmp_path, {f"d/part-{i}.jsonl": labelled(1, of=str(i)) for i in (2, 10, 1)})
    make(tmp_path, {"d/other.jsonl": labelled(1), "d/.part-3.jsonl": labelled(1), "d/part-x.jsonl/deep.txt": ""})
    assert [cells["text"] for cells in rows(tmp_path, "d/part-*.jsonl")] == ["1 0", "10 0", "2 0"]
    assert len(rows(tmp_path, "**/*.jsonl")) == 4
    assert [cells["text"] for cells in rows(tmp_path, "d/part-[12].jsonl")] == ["1 0", "2 0"]
    assert "no file fits the pattern. d holds other.jsonl, part-1" not in str(refuse(tmp_path, "d/*.csv"))
    assert "no file fits the pattern." in str(refuse(tmp_path, "d/*.csv"))
    assert "part-10.jsonl" in refuse(tmp_path, "d/*.csv").remedy
    assert "no file fits the pattern." in str(refuse(tmp_path, "nowhere/*.csv"))
    assert "this is no pattern" in str(refuse(tmp_path, "d/**.csv"))


def test_a_name_with_brackets_is_a_name_where_it_exists(tmp_path):
    make(tmp_path, {"a[1].csv": "text,label\n1,x\n", "b[1]/rows.csv": "text,label\n2,x\n", "b1/rows.csv": "no"})
    assert rows(tmp_path, "a[1].csv") == [{"text": "1", "label": "x"}]
    assert rows(tmp_path / "b[1]", "*.csv") == [{"text": "2", "label": "x"}]
    assert rows(tmp_path, "b[1]/*.csv") == [{"text": "2", "label": "x"}]
    with pytest.raises(DataError, match=r"there is no such file.*Did you mean 'rows\.csv'"):
        opened(tmp_path / "b[1]", "row.csv")


@pytest.mark.parametrize(
    ("files", "where", "words"),
    [
        ({}, "d", "the folder holds nothing, and no file of rows"),
        ({"d/README.md": "#"}, "d", "the folder holds only README.md, and no file of rows"),
        ({"d/.a.csv": "text\n"}, "d", "the folder holds nothing"),
        ({"d/a.csv": "text,label\n", "d/b.jsonl": "{}\n"}, "d/b.jsonl", "this file is jsonl, and a.csv is csv"),
        ({"d/a.csv": "text,label\n", "d/b.csv": "text,lable\n"}, "d/b.csv", "b.csv has no 'label'"),
        ({"d/a.csv": "text\n", "d/b.csv": "text,label\n"}, "d/b.csv", "a.csv has no 'label'"),
        ({"d/a.csv": "text\n", "d/b.csv": ""}, "d/b.csv", "the file is empty"),
        ({"d/a.csv": "text\n", "d/b.csv.gz": ""}, "d/b.csv.gz", "packed files are not read"),
        ({"d/neg/a.txt.zip": ""}, "d/neg/a.txt.zip", "packed files are not read"),
        ({"d/a.csv": "text\n", "d/old/b.csv": "text\n"}, "d", "holds rows (a.csv) and sub-folders (old)"),
        ({"d/neg/a.txt": "", "d/pos/b.csv": "text\n"}, "d/pos", "this sub-folder holds no .txt file"),
        ({"d/neg/a.txt": "", "d/pos/b.txt": "", "d/pos/x/c.txt": ""}, "d/pos", "there are sub-folders"),
    ],
)
def test_a_folder_that_is_no_source_is_told(tmp_path, files, where, words):
    (tmp_path / "d").mkdir()
    make(tmp_path, files)
    error = refuse(tmp_path, "d")
    assert error.file == str(tmp_path / where)
    assert words in str(error)


def test_links_may_not_leave_the_folder(tmp_path):
    make(tmp_path, {"d/a.csv": "text,label\n1,x\n", "secret.csv": "text,label\n2,x\n", "out/b.txt": "b"})
    (tmp_path / "d" / "b.csv").symlink_to("a.csv")
    assert len(rows(tmp_path, "d")) == 2
    (tmp_path / "d" / "b.csv").unlink()
    (tmp_path / "d" / "b.csv").symlink_to("../secret.csv")
    for name in ("d", "d/*.csv"):
        error = refuse(tmp_path, name)
        assert error.file == str(tmp_path / "d" / "b.csv")
        assert "leads out of the folder" in str(error)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "pos").symlink_to(tmp_path / "out")
    assert "leads out of the folder" in str(refuse(tmp_path, "labels"))


def test_a_link_that_leads_nowhere_and_a_pipe_are_refused(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.csv").symlink_to("a.csv")
    assert "can't be opened" in str(refuse(tmp_path, "d"))
    (tmp_path / "d" / "a.csv").unlink()
    os.mkfifo(tmp_path / "d" / "a.csv")
    assert "not a regular file" in str(refuse(tmp_path, "d"))


def test_the_digest_is_over_names_and_contents(tmp_path):
    make(tmp_path, {"d/a.jsonl": labelled(2), "d/b.jsonl": labelled(3)})
    first = opened(tmp_path, "d").file
    assert first.digest.startswith("sha256:")
    assert opened(tmp_path, "d/*.jsonl").file.digest == first.digest
    make(tmp_path / "copy", {"e/a.jsonl": labelled(2), "e/b.jsonl": labelled(3)})
    assert opened(tmp_path / "copy", "e").file.digest == first.digest
    (tmp_path / "d" / "b.jsonl").rename(tmp_path / "d" / "c.jsonl")
    assert opened(tmp_path, "d").file.digest != first.digest
    make(tmp_path, {"d/c.jsonl": labelled(4)})
    assert opened(tmp_path, "d").file.digest not in (first.digest, opened(tmp_path, "d/a*").file.digest)


def test_a_folder_that_changes_while_it_is_read_is_not_imported(tmp_path):
    make(tmp_path, {"d/a.jsonl": labelled(30), "d/b.jsonl": labelled(30, of="b")})

    def grow(done: int, total: int) -> None:
        make(tmp_path, {"d/c.jsonl": labelled(30, of="c")})

    with pytest.raises(DataError, match="the source changed while it was read") as caught:
        prepare_split(Data((Source(path="d"),)), folder=tmp_path, cache=tmp_path / "cache", on_progress=grow)
    assert caught.value.file == str(tmp_path / "d")
    assert not list((tmp_path / "cache").iterdir())


def test_a_folder_is_prepared_and_checked_like_a_file(tmp_path):
    make(tmp_path, {"d/a.jsonl": labelled(30), "d/b.jsonl": labelled(30, of="b"), "one.jsonl": labelled(30)})
    data = Data((Source(path="d"),), split=SplitPlan(seed=1))
    split = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache").split
    assert sum(part.rows for part in split.parts.values()) == 60
    assert prepare_split(data, folder=tmp_path, cache=tmp_path / "cache").cached
    assert any(said.startswith("found 2 files by d") for said in check_data(data, folder=tmp_path).said)


def test_the_path_of_a_sentence_shows_control_characters_as_escapes(tmp_path):
    make(tmp_path, {"d\x1b[31m/a\u202e.csv": "text,label\n1,x\n", "d\x1b[31m/b\u202e": ""})
    said = opened(tmp_path, "d\x1b[31m").said
    assert said.isprintable()
    assert "a\\u202e.csv" in said


def test_a_reader_of_many_files_is_never_found_by_content(tmp_path):
    make(tmp_path, {"d/a.csv": "text,label\n1,x\n"})
    source = Source(path="d")
    assert choose_reader(source_path(source, tmp_path), source).sniff(b"text,label\n", "a.csv") == 0
