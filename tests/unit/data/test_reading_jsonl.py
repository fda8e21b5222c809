"""What a user sees when a JSON Lines file is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data.jsonl import READER
from engram.errors import DataError
from engram.schema.recipe import Source

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


def read(path: Path, content: str, wanted: tuple[str, ...] | None = ("text", "label")) -> list:
    path.write_text(content, encoding="utf-8", newline="")
    return list(READER.read(path, Source(path=str(path)), wanted))


@given(st.lists(st.fixed_dictionaries({"text": TEXT, "label": TEXT}), min_size=1, max_size=8), st.booleans())
def test_what_json_writes_is_read_back(tmp_path_factory, records, ascii_only):
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    path.write_text("".join(json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in records), encoding="utf-8")
    assert list(READER.read(path, Source(path="round.jsonl"), None)) == list(enumerate(records, 1))


def test_numbers_keep_their_spelling_and_null_is_missing(tmp_path):
    rows = read(
        tmp_path / "a.jsonl", '{"text": 1e3, "label": 12345678901234567890.10}\n{"text": null, "label": true}\n'
    )
    assert rows == [(1, {"text": "1e3", "label": "12345678901234567890.10"}), (2, {"text": "", "label": "true"})]


def test_columns_that_nobody_wants_may_hold_anything(tmp_path):
    line = '{"text": "a", "label": 1, "meta": {"tags": [1, "x", null]}}\n'
    assert read(tmp_path / "a.jsonl", line) == [(1, {"text": "a", "label": "1"})]
    assert read(tmp_path / "a.jsonl", line, None)[0][1]["meta"] == '{"tags":[1,"x",null]}'


def test_white_space_around_an_object_and_empty_lines_are_fine(tmp_path):
    rows = read(tmp_path / "a.jsonl", '  {"text": "a", "label": "b"} \r\n\n \n{"text": "c", "label": "d"}')
    assert rows == [(1, {"text": "a", "label": "b"}), (2, {}), (3, {}), (4, {"text": "c", "label": "d"})]


def test_brackets_inside_texts_are_no_nesting(tmp_path):
    text = '\\"[{' * 500
    assert read(tmp_path / "a.jsonl", f'{{"text": "{text}", "label": "x"}}\n')[0][1]["label"] == "x"


def test_the_columns_are_said(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('\n{"text": "a", "label": 1}\n')
    found = READER.look(path, Source(path="a.jsonl"))
    assert found.said == "read a.jsonl as JSON Lines, 2 columns: text, label"


@pytest.mark.parametrize(
    ("bad", "column", "words"),
    [
        ('{"text": "a", "label": NaN}', "label", "NaN is not JSON"),
        ('{"text": "NaN", "label": [{"x": -Infinity}]}', "label", "-Infinity is not JSON"),
        ('{"text": "a", "label": ["x"]}', "label", "received a list"),
        ('{"text": {"a": 1}, "label": "x"}', "text", "received an object"),
        ('{"text": "a", "lable": "x"}', "label", "Did you mean 'lable'"),
        ('{"text": "a", "label": "x", "text": "b"}', "text", "stands twice"),
        ('{"text": "a", "label": {"k": 1, "k": 2}}', "k", "stands twice"),
        ('["a", "x"]', 1, "received a list"),
        ('"a"', 1, "received a text"),
        ("7", 1, "received a number"),
        ("null", 1, "received null"),
        ("NaN", 1, "NaN is not JSON"),
        ('{"text": "a", "label": }', 24, "not JSON"),
        ('{"text": "a", "label": "x"} {}', 29, "not JSON: Extra data"),
        ('{"text": "a", "label": "x"', 27, "not JSON"),
        ('{"text": "\\ud83d", "label": "x"}', "text", "half of a surrogate pair"),
        ('{"text": "a\\u0000b", "label": "x"}', "text", "character 2 of the value is NUL"),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + ', "label": "x"}', 41, "more than 32 levels deep"),
        ('{"text": ' + '{"a":' * 100_000, 165, "more than 32 levels deep"),
    ],
)
def test_a_bad_line_is_named_by_line_and_column(tmp_path, bad, column, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.jsonl", f'{{"text": "fine", "label": "x"}}\n{bad}\n')
    assert (caught.value.line, caught.value.column) == (2, column)
    assert words in str(caught.value)


def test_a_pretty_printed_document_is_told_apart(tmp_path):
    with pytest.raises(DataError, match="One pretty-printed document is not JSON Lines: set format: json"):
        read(tmp_path / "a.json", '[\n  {"text": "a"}\n]\n')
