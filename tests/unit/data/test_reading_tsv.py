"""What a user sees when a TSV file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.data.reader import choose_reader
from engram.data.tsv import READER
from engram.errors import DataError, UsageError
from engram.schema.recipe import Source


def read(path: Path, content: str, **options: object) -> list:
    path.write_text(content, newline="")
    return list(READER.read(path, Source(path=str(path), **options)))


def test_only_tabs_part_cells(tmp_path):
    rows = read(tmp_path / "a.tsv", 'a,b\tc;d|e\n"one\ttwo"\t3,5\n')
    assert rows == [(2, {"a,b": "one\ttwo", "c;d|e": "3,5"})]


def test_quotes_may_be_ordinary_characters(tmp_path):
    rows = read(tmp_path / "a.tsv", '"so\t1\n', header=("text", "label"), quoting=False)
    assert rows == [(1, {"text": '"so', "label": "1"})]


def test_what_was_found_is_said(tmp_path):
    path = tmp_path / "as CSV, delimiter tab.tsv"
    path.write_text("text\tlabel\n")
    assert READER.look(path, Source()).said == f"read {path.name} as TSV, header line, 2 columns: text, label"


def test_another_delimiter_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"delimiter ';' was given. Set format: csv"):
        read(tmp_path / "a.tsv", "a;b\n", delimiter=";")
    assert read(tmp_path / "a.tsv", "a\n1\n", delimiter="\t") == [(2, {"a": "1"})]


def test_a_bad_row_is_named_by_line_and_column(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.tsv", "a\tb\n1\t2\n1 2\n")
    assert (caught.value.line, caught.value.column) == (3, "b")


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.tsv", "a\tb\n1\t2\n", "tsv"),
        ("a.TAB", "a\tb\n", "tsv"),
        ("a.tsv", "a,b\n1,2\n", "csv"),
        ("a.csv", "a\tb\n1\t2\n", "csv"),
        ("a.tsv", "in\tO\nRome\tB-place\n\n", "conll"),
    ],
)
def test_the_content_and_then_the_suffix_decide(tmp_path, name, content, format):
    path = tmp_path / name
    path.write_text(content)
    assert choose_reader(path, Source(path=name)).name == format
