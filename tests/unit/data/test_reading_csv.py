"""What a user sees when a CSV file is read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data import blocks
from engram.data.csv import READER
from engram.data.reader import choose_reader
from engram.errors import DataError, UsageError
from engram.schema.recipe import Source

CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)


def read(path: Path, content: str | bytes, wanted: tuple[str, ...] | None = None, **options: object) -> list:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(READER.read(path, Source(path=str(path), **options), wanted))


def refuse(path: Path, content: str | bytes, **options: object) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path, content, **options)
    assert str(path) in str(caught.value)
    return caught.value


@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writer_writes_is_read_back(tmp_path_factory, rows, delimiter, line_end):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    path = tmp_path_factory.getbasetemp() / "round.csv"
    path.write_bytes(text.getvalue().encode())
    got = READER.read(path, Source(path="round.csv", delimiter=delimiter), None)
    assert [[cells["a"], cells["b"], cells["c"]] for _, cells in got] == rows


@pytest.mark.parametrize(("delimiter", "word"), [(",", "','"), (";", "';'"), ("\t", "tab"), ("|", "'|'")])
def test_the_delimiter_is_found_and_said(tmp_path, delimiter, word):
    path = tmp_path / "rows.csv"
    path.write_text("".join(delimiter.join(row) + "\n" for row in (["text", "label"], ["one, two; three", "x"])))
    found = READER.look(path, Source(path="rows.csv"))
    assert found.columns == ("text", "label")
    assert found.said == f"read rows.csv as CSV, delimiter {word}, header line, 2 columns: text, label"


def test_a_given_header_decides_which_delimiter_fits(tmp_path):
    content = 'a , b , "c\t0\nno comma\t1\none , comma\t0\n'
    rows = read(tmp_path / "dev.tsv", content, header=("text", "label"), quoting=False)
    assert rows[0] == (1, {"text": 'a , b , "c', "label": "0"})
    assert [line for line, _ in rows] == [1, 2, 3]


def test_line_numbers_count_the_line_ends_inside_quotes(tmp_path):
    rows = read(tmp_path / "a.csv", 'text,label\r\n"one\r\ntwo",x\r\nthree,y\r\n')
    assert rows == [(2, {"text": "one\r\ntwo", "label": "x"}), (4, {"text": "three", "label": "y"})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_a_line_end_also_where_two_blocks_meet(tmp_path, monkeypatch, end):
    for size in range(1, 16):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
        rows = read(tmp_path / "a.csv", end.join(["text,label", "one,é", "two,y", "three,z"]))
        assert [(line, cells["label"]) for line, cells in rows] == [(2, "é"), (3, "y"), (4, "z")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_bad_byte_is_located_also_where_two_blocks_meet(tmp_path, monkeypatch, end):
    for size in range(1, 16):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
        error = refuse(tmp_path / "a.csv", end.join([b"text,label", b"one,x", b"tw\xff,y", b"three,z"]))
        assert (error.line, error.column) == (3, 3)


def test_other_unicode_line_separators_are_text(tmp_path):
    assert read(tmp_path / "a.csv", "text,label\none\x0b\u2028two,x\n")[0][1]["text"] == "one\x0b\u2028two"


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    assert read(tmp_path / "a.csv", b"\xef\xbb\xbftext,label\na,b\n") == [(2, {"text": "a", "label": "b"})]


def test_an_empty_line_is_told_as_a_row_without_cells(tmp_path):
    assert read(tmp_path / "a.csv", "text,label\n\na,b\n") == [(2, {}), (3, {"text": "a", "label": "b"})]


def test_only_wanted_columns_are_kept(tmp_path):
    assert read(tmp_path / "a.csv", "a,b,c\n1,2,3\n", ("c",)) == [(2, {"c": "3"})]
    assert read(tmp_path / "a.csv", "a,b,c\n1,2,3\n", ("c", "a")) == [(2, {"c": "3", "a": "1"})]


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        ("text,label\na,b\nc\n", 3, "label", "1 column, expected 2"),
        ("text,label\na,b,c\n", 2, 3, "3 columns, expected 2"),
        ('text,label\n"a\nb",x\n"c,y\n', 4, 1, "never closed"),
        ('text,label\na,"b"c\n', 2, 2, "not CSV"),
        ('text,label\n"a",b\n"say ""hi""",x\nd,"e\n', 4, 2, "never closed"),
        ("text,text\na,b\n", 1, 2, "stands twice"),
        ("text,\na,b\n", 1, 2, "no name"),
        ("\na,b\n", 1, None, "first line is empty"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(tmp_path, content, line, column, words):
    error = refuse(tmp_path / "a.csv", content, delimiter=",")
    assert (error.line, error.column) == (line, column)
    assert words in str(error)


def test_a_quote_that_is_never_closed_is_named_where_it_opens(tmp_path):
    content = "text,label\na,b\n" + '"open,x\n' + "text,label\n" * 400_000
    error = refuse(tmp_path / "a.csv", content)
    assert error.line == 3
    assert "quote" in error.remedy


def test_a_record_may_span_blocks_when_it_ends_in_time(tmp_path):
    text = "word \n" * 150_000
    rows = read(tmp_path / "a.csv", f'text,label\n"{text}",x\nb,y\n')
    assert rows[0][1]["text"] == text
    assert rows[1][0] == 150_003


def test_a_missing_column_is_answered_with_the_nearest(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,lable\na,b\n")
    with pytest.raises(DataError, match="Did you mean 'lable'"):
        list(READER.read(path, Source(path="a.csv"), ("text", "label")))


def test_a_delimiter_of_two_characters_is_refused(tmp_path):
    with pytest.raises(UsageError, match="one character"):
        read(tmp_path / "a.csv", "a,b\n", delimiter="||")


def test_the_format_is_chosen_by_content_not_by_name(tmp_path):
    path = tmp_path / "rows.txt"
    for content, name in (('{"text": "a"}\n', "jsonl"), ("text,label\na,b\n", "csv"), ('[{"text": "a"}]\n', "json")):
        path.write_text(content)
        assert choose_reader(path, Source(path="rows.txt")).name == name
