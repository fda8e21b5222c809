"""What a user sees when plain text is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.reader import choose_reader
from engram.data.text import READER, read_whole
from engram.errors import DataError
from engram.schema.recipe import Source

LINE = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=("Cs",)), min_size=1, max_size=12)


def read(path: Path, content: str, wanted: tuple[str, ...] | None = None, **options: object) -> list:
    path.write_bytes(content.encode())
    return list(READER.read(path, Source(path=str(path), **options), wanted))


@settings(deadline=None)
@given(st.lists(LINE, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_each_line_is_a_row(tmp_path_factory, texts, end):
    path = tmp_path_factory.getbasetemp() / "round.txt"
    rows = read(path, "".join(text + end for text in texts) or "\n")
    kept = [{"text": text} if text.strip() else {} for text in texts] or [{}]
    assert rows == list(enumerate(kept, 1))


@settings(deadline=None)
@given(st.lists(st.lists(LINE.filter(str.strip), min_size=1, max_size=3), min_size=1, max_size=4), st.integers(1, 3))
def test_paragraphs_end_at_blank_lines(tmp_path_factory, paragraphs, blanks):
    path = tmp_path_factory.getbasetemp() / "paragraphs.txt"
    content = ("\n" + " \n" * (blanks - 1) + "\n").join("\n".join(lines) for lines in paragraphs)
    rows = read(path, "\n" + content + "\n", ("text",), paragraphs=True)
    assert [cells["text"] for _, cells in rows] == ["\n".join(lines) for lines in paragraphs]
    assert [content.split("\n")[line - 2] for line, _ in rows] == [lines[0] for lines in paragraphs]


@pytest.mark.parametrize(("paragraphs", "unit"), [(False, "line"), (True, "paragraph")])
def test_what_a_row_is_is_said(tmp_path, paragraphs, unit):
    (tmp_path / "a.txt").write_text("a\n")
    said = READER.look(tmp_path / "a.txt", Source(paragraphs=paragraphs)).said
    assert said == f"read a.txt as text, one row for each {unit}, 1 column: text"


def test_there_is_no_other_column(tmp_path):
    with pytest.raises(DataError, match="no column 'label'"):
        read(tmp_path / "a.txt", "a\n", ("text", "label"))


def test_a_paragraph_without_an_end_is_named_where_it_begins(tmp_path):
    with pytest.raises(DataError, match="longer than 1 MiB") as caught:
        read(tmp_path / "a.txt", "one\n\n" + "two\n" * 300_000, paragraphs=True)
    assert caught.value.line == 3


def test_a_whole_file_is_one_text_up_to_a_mebibyte(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\n\ntwo\n")
    assert read_whole(path) == "one\n\ntwo"
    path.write_text("two\n" * 300_000)
    with pytest.raises(DataError, match="longer than 1 MiB"):
        read_whole(path)
    path.write_text("")
    assert read_whole(path) == ""


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ("Well, this is one.\nAnd this, too, is one.\n", "text"),
        ("one line, alone\n", "text"),
        ("text,label\ngood,1\nbad,0\n", "csv"),
        ("good\t1\nbad\t0\n", "csv"),
        ("one\ntwo\n", "text"),
    ],
)
def test_prose_is_told_from_tables_by_its_content(tmp_path, content, format):
    path = tmp_path / "a.txt"
    path.write_text(content)
    assert choose_reader(path, Source(path="a.txt")).name == format


def test_options_of_tables_and_of_paragraphs_decide_before_the_content(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one, two\n\nthree\n")
    assert choose_reader(path, Source(path="a.txt")).name == "text"
    for options in ({"header": ("text",)}, {"delimiter": "\t"}, {"quoting": False}):
        assert choose_reader(path, Source(path="a.txt", **options)).name == "csv"
    path.write_text("text,label\ngood,1\n")
    assert choose_reader(path, Source(path="a.txt", paragraphs=True)).name == "text"
