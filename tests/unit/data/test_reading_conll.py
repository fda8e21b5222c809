"""What a user sees when CoNLL files are read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.conll import READER
from engram.data.reader import choose_reader
from engram.errors import DataError
from engram.schema.recipe import Source

TOKEN = st.text(st.characters(exclude_characters="\0\t\r\n", exclude_categories=("Cs",)), min_size=1, max_size=8)
TAG = st.sampled_from(["O", "B-place", "I-place"])
REAL = Path(os.environ.get("ENGRAM_TEST_DATA", "../shared/data")) / "wnut17"


def read(path: Path, content: str, wanted: tuple[str, ...] | None = None, **options: object) -> list:
    path.write_bytes(content.encode())
    rows = READER.read(path, Source(path=str(path), **options), wanted, wanted or ())
    return [(line, {name: json.loads(cell) for name, cell in cells.items()}) for line, cells in rows]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(TOKEN.filter(lambda t: t.strip(" ")), TAG), min_size=1, max_size=4), max_size=4),
    st.sampled_from(["\n", "\r\n"]),
)
def test_sentences_are_read_back(tmp_path_factory, sentences, end):
    path = tmp_path_factory.getbasetemp() / "round.conll"
    sentences = [[pair for pair in each if not pair[0].startswith(("# ", "-DOCSTART-"))] for each in sentences]
    sentences = [each for each in sentences if each]
    content = end.join("".join(f"{token}\t{tag}{end}" for token, tag in each) for each in sentences)
    rows = [cells for _, cells in read(path, content or end)]
    assert rows == [
        dict(zip(("tokens", "tags"), map(list, zip(*each, strict=True)), strict=True)) for each in sentences
    ]


def test_each_row_is_a_sentence_and_its_first_line(tmp_path):
    content = "\n\nIn IN O\nRome NNP B-LOC\n \n-DOCSTART- -X- O\n\n  It   PRP\tO \n"
    rows = read(tmp_path / "a.conll", content.replace("\t", " "))
    assert rows == [
        (3, {"tokens": ["In", "Rome"], "column_2": ["IN", "NNP"], "tags": ["O", "B-LOC"]}),
        (8, {"tokens": ["It"], "column_2": ["PRP"], "tags": ["O"]}),
    ]


def test_a_header_names_the_columns(tmp_path):
    header = ("number", "word", "tag")
    content = "1\tIn\tO\n2\tNew York\tB\n"
    rows = read(tmp_path / "a.conll", content, ("word", "tag"), header=header)
    assert rows == [(1, {"word": ["In", "New York"], "tag": ["O", "B"]})]
    with pytest.raises(DataError, match="has 3 columns, and the header names 2: word, tag"):
        read(tmp_path / "a.conll", content, header=("word", "tag"))


def test_comments_are_no_tokens_and_tokens_no_comments(tmp_path):
    content = "# text = In Rome\n#id 7\nIn O\n# O\n#Rome B-place\n#tag NN\n\n#end document\n# a b c\nIt O\n"
    assert [cells["tokens"] for _, cells in read(tmp_path / "a.conll", content)] == [
        ["In", "#", "#Rome", "#tag"],
        ["It"],
    ]
    content = "# global.columns = A\tB\n#\tSYM\n#Rome\tNNP\n# x\ty\n#only\n\n"
    assert [cells["tokens"] for _, cells in read(tmp_path / "a.conll", content)] == [["#", "#Rome"]]


@pytest.mark.parametrize(
    ("bad", "line", "column", "words"),
    [
        ("Rome\n", 4, 2, "1 column, expected 2"),
        ("Rome\tNNP\tB-place\n", 4, 3, "3 columns, expected 2"),
        ("New York\n", 4, 2, "1 column, expected 2"),
        ("Rome\t\n", 4, 2, "the cell is empty"),
        (" \tO\n", 4, 1, "the cell is empty"),
        ("\tO\n", 4, 1, "the cell is empty"),
        ("Ro\0me\tO\n", 4, 3, "a NUL byte"),
        ("x\tO\n" * 400_000, 3, 1, "the sentence that begins here is longer than 1 MiB"),
        ("x" * (1 << 20) + "\tO\n", 4, (1 << 20) + 1, "the line is longer than 1 MiB"),
    ],
)
def test_a_bad_line_is_named(tmp_path, bad, line, column, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.conll", "It\tO\n\nIn\tO\n" + bad)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert words in str(caught.value)


def test_a_file_of_words_alone_is_refused(tmp_path):
    with pytest.raises(DataError, match="1 column, expected 2 or more") as caught:
        read(tmp_path / "a.conll", "\nRome\n")
    assert (caught.value.line, caught.value.column) == (2, 2)


def test_a_line_of_too_many_columns_is_refused(tmp_path):
    with pytest.raises(DataError, match="5,000 columns; at most 4,096") as caught:
        read(tmp_path / "a.conll", "x\t" * 4_999 + "O\n")
    assert (caught.value.line, caught.value.column) == (1, 4097)


def test_what_was_found_is_said(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("-DOCSTART- -X- O\n\nIn IN O\n")
    said = READER.look(path, Source()).said
    assert said == "read a.conll as CoNLL, columns parted by spaces, one row for each sentence, 3 columns: " + (
        "tokens, column_2, tags"
    )
    path.write_text("In\tO\n")
    assert "parted by tabs" in READER.look(path, Source()).said


def test_a_column_of_tokens_is_no_text(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("In\tO\n")
    with pytest.raises(DataError, match="received a list, one text for each token") as caught:
        list(READER.read(path, Source(), ("tokens", "tags"), ("tags",)))
    assert (caught.value.line, caught.value.column) == (1, "tokens")


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder that ENGRAM_TEST_DATA names has no wnut17")
@pytest.mark.parametrize(("part", "sentences"), [("train", 3394), ("dev", 1009), ("test", 1287)])
def test_wnut_17_is_read_whole(part, sentences):
    path = REAL / f"{part}.conll"
    reader = choose_reader(path, Source(path=str(path)))
    rows = [cells for _, cells in reader.read(path, Source(path=str(path)), ("tokens", "tags"), ("tokens", "tags"))]
    assert reader.name == "conll"
    assert len(rows) == sentences
    due = sum(line.count("\t") for line in path.read_text(encoding="utf-8").split("\n") if line.strip("\t"))
    assert sum(len(json.loads(cells["tokens"])) for cells in rows) == due
    assert {tag.partition("-")[0] for cells in rows for tag in json.loads(cells["tags"])} == {"B", "I", "O"}
