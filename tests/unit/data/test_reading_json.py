"""What a user sees when one JSON document is read."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data import blocks
from engram.data.json import READER
from engram.data.reader import choose_reader
from engram.errors import DataError
from engram.schema.recipe import Source

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def read(path: Path, content: str | bytes, wanted: tuple[str, ...] | None = None, nested: tuple[str, ...] = ()) -> list:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(READER.read(path, Source(path=str(path)), wanted, nested))


@settings(deadline=None)
@given(
    records=st.lists(st.fixed_dictionaries({"text": TEXT, "turns": st.lists(VALUES, max_size=3)}), max_size=6),
    size=st.integers(1, 40),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    held=st.booleans(),
)
def test_what_json_writes_is_read_back_whatever_the_blocks(tmp_path_factory, records, size, indent, ascii_only, held):
    path = tmp_path_factory.getbasetemp() / "round.json"
    document = {"v": [123, 2.5], "n": -4567, "rows": records, "end": {"x": [{}]}} if held and records else records
    content = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    with patch.object(blocks, "BLOCK_BYTES", size):
        rows = read(path, content, ("text", "turns"), ("turns",))
    assert [{"text": cells["text"], "turns": json.loads(cells["turns"])} for _, cells in rows] == records
    if indent is not None:
        # Python writes a line end after every bracket and comma, so each object begins on a line of its own.
        assert [content.split("\n")[line - 1].strip() for line, _ in rows] == ["{"] * len(rows)


def test_numbers_keep_their_spelling_and_null_is_missing(tmp_path):
    content = '[{"a": 1e3, "b": null, "c": [1.10, {"d": 12345678901234567890}, true, null]}]'
    assert read(tmp_path / "a.json", content)[0][1] == {
        "a": "1e3",
        "b": "",
        "c": '[1.10,{"d":12345678901234567890},true,null]',
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them_and_wherever_blocks_meet(tmp_path, monkeypatch, end):
    content = end.join(["[", '{"a": 1}', ",", "", '{"a":', '2}, {"a": 3}', "]", ""])
    for size in range(1, 12):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
        assert [line for line, _ in read(tmp_path / "a.json", content)] == [2, 5, 6]
        with pytest.raises(DataError, match="is not UTF-8") as caught:
            read(tmp_path / "a.json", content.encode() + b'\xc3"')
        assert (caught.value.line, caught.value.column) == (8, 1)


def test_a_look_says_which_array_the_rows_are(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"version": "1", "ids": [1, 2], "data": [{"text": "a", "label": 1}], "more": [[{}]]}')
    found = READER.look(path, Source(path="a.json"))
    assert found.columns == ("text", "label")
    assert found.said == "read a.json as JSON, the array 'data', one row for each object, 2 columns: text, label"
    path.write_text("[]")
    assert READER.look(path, Source()).said.endswith("0 columns: none")
    assert read(path, "[]") == []


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        ('[\n  {"a": 1},\n  {"a" 2}\n]', 3, 8, "not JSON: Expecting ':' delimiter"),
        ('[\n  {"a": 1},\n]', 3, 1, "received ']'"),
        ('[\n  {"a": 1}\n  {"a": 1}\n]', 3, 3, "expected ']', received an object"),
        ('[{"a": 1}, 7]', 1, 12, "received a number"),
        ('[{"a": 1}, [7]]', 1, 12, "received a list"),
        ('[\n"a"]', 2, 1, "received a text"),
        ('[{"a": 1}', 1, 10, "received the end of the document. Is the file whole?"),
        ('[{"a": 1},\n {"a": "b', 2, 2, "ends inside the value that begins here"),
        ('[{"a": 1},\n {"a":', 2, 2, "ends inside the value that begins here"),
        (
            '[{"a": 1}]\n{"a": 2}',
            2,
            1,
            "expected the end of the document, received an object. For one object on each line",
        ),
        ('"a"', 1, 1, "received a text"),
        ("[null]", 1, 2, "received 'null'"),
        ("[-1]", 1, 2, "received a number"),
        ("text,label", 1, 1, "received 'text'"),
        ("  ", 1, 3, "received the end of the document"),
        ('{"a": 1}', 1, 1, "holds no array of objects"),
        ("{}", 1, 1, "holds no array of objects"),
        ('{"a": [], "b": [1]}', 1, 1, "holds no array of objects"),
        ('{"a": [{}],\n "b": [{}]}', 2, 8, "two arrays of objects, 'a' and 'b'"),
        ('{"a": [{}],\n "a": 1}', 2, 5, "the key 'a' at the top of the document stands twice"),
        ('{"a": [{}], }', 1, 13, "expected a key in quotation marks, received '}'"),
        ('{"a": [{}] "b"}', 1, 12, "expected ',', received a text"),
        ('{"a" [{}]}', 1, 6, "expected ':', received a list"),
        ('[{"a": 1,\n "b": [NaN]}]', 2, "b", "NaN is not JSON"),
        ('[\n\n{"a": 1,\n "a": [1]}]', 3, "a", "stands twice"),
        ('[{"a": "\\ud83d"}]', 1, "a", "half of a surrogate pair"),
        ('[{"a": ["b\\u0000"]}]', 1, "a", "character 2 of the value is NUL"),
        ('[{"a":\n' + "[" * 40 + "]" * 40 + "}]", 2, 32, "more than 32 levels deep"),
        ('[\n{"a": ' + "[" * 100_000 + "]" * 100_000 + "}]", 2, 38, "more than 32 levels deep"),
        ('[\n{"a": "' + "b" * (1 << 20) + '"}]', 2, 1, "longer than 1 MiB"),
        ('[\n{"a": "' + "b" * (3 << 20) + '"}]', 2, 1, "longer than 1 MiB"),
        ("[{" + ",".join(f'"{place:x}":1' for place in range(5_000)) + "}]", 1, 4097, "5,000 keys"),
    ],
)
def test_a_bad_document_is_named_by_line_and_column(tmp_path, content, line, column, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.json", content)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert words in str(caught.value)


@pytest.mark.parametrize(("cell", "column"), [('["x"]', "a"), ('{"b": 1}', "a")])
def test_lists_are_refused_where_a_text_is_due(tmp_path, cell, column):
    with pytest.raises(DataError, match="expected a text or a number") as caught:
        read(tmp_path / "a.json", f'[{{"a": "x"}},\n{{"a": {cell}}}]', ("a",))
    assert (caught.value.line, caught.value.column) == (2, column)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.json", '[{"text": "a"}]', "json"),
        ("a.json", '{"text": "a"}\n{"text": "b"}\n', "jsonl"),
        ("a.json", '{"text": "a"}\n', "jsonl"),
        ("a.json", '{"data": [{"text": "a"}]}', "json"),
        ("a.json", '{\n "data": [\n', "json"),
        ("a.json", "oops", "json"),
        ("a.jsonl", '{"text": "a"\n', "jsonl"),
        ("a.jsonl", '[{"text": "a"}]', "json"),
        ("a.jsonl", '{"messages": [{"role": "' + "a" * 70_000 + '"}]}\n{}\n', "jsonl"),
        ("a.txt", '{\n "data": 7\n}', "json"),
        ("a.csv", "[text],label\na,b\n", "csv"),
    ],
)
def test_a_document_and_lines_are_told_apart_by_their_content(tmp_path, name, content, format):
    path = tmp_path / name
    path.write_text(content)
    assert choose_reader(path, Source(path=name)).name == format
