"""What a user sees when Parquet files are read."""

from __future__ import annotations

import datetime
import decimal
import json
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data import parquet
from engram.data.parquet import READER
from engram.errors import DataError
from engram.schema.recipe import Source

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
LISTS = st.none() | st.lists(st.fixed_dictionaries({"role": TEXT, "n": st.none() | st.integers(-9, 9)}), max_size=3)


def read(path: Path, table: Any, wanted: tuple[str, ...] | None = None, nested: tuple[str, ...] = (), **how) -> list:
    pq.write_table(table, path, **how)
    return list(READER.read(path, Source(path=str(path)), wanted, nested))


def column(values: list, kind: Any = None) -> Any:
    return pa.table({"a": pa.array(values, kind)})


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"text": st.none() | TEXT, "turns": LISTS}), min_size=1, max_size=6))
def test_what_pyarrow_writes_is_read_back(tmp_path_factory, records):
    path = tmp_path_factory.getbasetemp() / "round.parquet"
    kind = pa.list_(pa.struct([("role", pa.string()), ("n", pa.int64())]))
    table = pa.Table.from_pylist(records, pa.schema([("text", pa.string()), ("turns", kind)]))
    rows = read(path, table, ("text", "turns"), ("turns",), row_group_size=2)
    assert [number for number, _ in rows] == list(range(1, len(records) + 1))
    assert [cells["text"] for _, cells in rows] == [record["text"] or "" for record in records]
    turns = [json.loads(cells["turns"]) if cells["turns"] else None for _, cells in rows]
    assert turns == [record["turns"] for record in records]


@pytest.mark.parametrize(
    ("values", "kind", "cells"),
    [
        ([1, None, -(2**63)], pa.int64(), ["1", "", "-9223372036854775808"]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        ([0.1, 1.0, 1e300, None], pa.float64(), ["0.1", "1.0", "1e+300", ""]),
        ([0.1, 1.0, None], pa.float32(), ["0.1", "1.0", ""]),
        ([True, False, None], pa.bool_(), ["true", "false", ""]),
        (["a", None], pa.large_string(), ["a", ""]),
        (["a", "b", "a"], pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a"]),
        (["é".encode()], pa.binary(), ["é"]),
        ([None, None], pa.null(), ["", ""]),
        ([decimal.Decimal("1.50")], pa.decimal128(5, 2), ["1.50"]),
        ([datetime.date(2026, 1, 2), None], pa.date32(), ["2026-01-02", ""]),
        ([1], pa.timestamp("ns"), ["1970-01-01 00:00:00.000000001"]),
    ],
)
def test_a_scalar_is_spelled_as_a_text(tmp_path, values, kind, cells):
    rows = read(tmp_path / "a.parquet", column(values, kind), ("a",))
    assert [cell["a"] for _, cell in rows] == cells


@pytest.mark.parametrize(
    ("values", "kind", "cell"),
    [
        ([["é", None]], pa.list_(pa.string()), '["é",null]'),
        ([[("k", 1)]], pa.map_(pa.string(), pa.int32()), '{"k":1}'),
        ([{"x": [1.5], "y": None}], None, '{"x":[1.5],"y":null}'),
        ([[datetime.date(2026, 1, 2)]], None, '["2026-01-02"]'),
        ([[b"ab"]], None, '["ab"]'),
        ([["\\u0000"]], None, '["\\\\u0000"]'),
    ],
)
def test_a_nested_value_is_compact_json(tmp_path, values, kind, cell):
    assert read(tmp_path / "a.parquet", column(values, kind), ("a",), ("a",)) == [(1, {"a": cell})]
    with pytest.raises(DataError, match="expected a text or a number, received a column of the type") as caught:
        read(tmp_path / "a.parquet", column(values, kind), ("a",))
    assert (caught.value.line, caught.value.column) == (1, "a")


MANY = ["x"] * 1_000


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ([*([0.5] * 1_000), float("nan")], None, "received nan"),
        ([*([0.5] * 1_000), float("-inf")], pa.float32(), "received -inf"),
        ([*MANY, "a\0b"], None, "character 2 of the value is NUL"),
        ([*MANY, "a" * ((1 << 20) + 1)], None, "longer than 1 MiB"),
        ([*([b"x"] * 1_000), b"\xff"], None, "bytes that are not UTF-8"),
        ([*([[1.0]] * 1_000), [float("inf")]], None, "what JSON can't hold"),
        ([*([["x"]] * 1_000), ["a\0b"]], None, "character 2 of the value is NUL"),
        ([*([[b"x"]] * 1_000), [b"\xff"]], None, "not UTF-8"),
        ([*([[("k", 1)]] * 1_000), [("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int8()), "what JSON can't hold"),
    ],
)
def test_what_is_no_text_is_named_by_row_and_column(tmp_path, values, kind, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.parquet", column(values, kind), ("a",), ("a",))
    assert (caught.value.line, caught.value.column) == (1_001, "a")
    assert words in str(caught.value)


def test_a_text_that_is_not_utf_8_is_named(tmp_path):
    array = pa.array([b"fine", b"\xff\xfe"]).cast(pa.binary())
    broken = pa.StringArray.from_buffers(2, array.buffers()[1], array.buffers()[2])
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read(tmp_path / "a.parquet", pa.table({"a": broken}), ("a",))
    assert (caught.value.line, caught.value.column) == (2, "a")


def test_columns_that_nobody_wants_are_not_read(tmp_path):
    table = pa.table({"a": ["x"], "b": [float("nan")], "image": [b"\xff" * 300]})
    assert read(tmp_path / "a.parquet", table, ("a",)) == [(1, {"a": "x"})]
    assert read(tmp_path / "a.parquet", table.select(["image"])) == [(1, {"image": "(300 bytes)"})]


def test_what_was_found_is_said(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x"] * 1_234, "label": [1] * 1_234}), path)
    assert READER.look(path, Source()).said == "read a.parquet as Parquet, 1,234 rows, 2 columns: text, label"


def test_a_file_without_rows_has_none(tmp_path):
    assert read(tmp_path / "a.parquet", pa.table({"a": pa.array([], pa.string())})) == []


def test_too_many_columns_and_names_that_stand_twice_are_refused(tmp_path):
    table = pa.table({f"c{place}": [1] for place in range(4_097)})
    with pytest.raises(DataError, match="4,097 columns; at most 4,096") as caught:
        read(tmp_path / "a.parquet", table)
    assert caught.value.column == 4_097
    with pytest.raises(DataError, match="stands twice") as caught:
        read(tmp_path / "a.parquet", pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]))
    assert caught.value.column == "a"


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    path = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"text": [f"row {i}" for i in range(3_000)]}), path, row_group_size=1_000, **PLAIN)
    return path.read_bytes()


PLAIN = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}


def refuse(path: Path, content: bytes) -> DataError:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(READER.read(path, Source(path=str(path)), ("text",)))
    assert caught.value.file == str(path)
    return caught.value


def test_a_broken_file_is_told_in_words(tmp_path, whole):
    path = tmp_path / "broken.parquet"
    half = refuse(path, whole[: len(whole) // 2])
    assert f"the file is truncated: its {len(whole) // 2:,} bytes do not end with b'PAR1'" in str(half)
    assert "the file is truncated: its 9 bytes" in str(refuse(path, whole[:9]))
    absurd = whole[:-8] + struct.pack("<I", 1 << 31) + whole[-4:]
    assert "says that its footer has 2,147,483,648" in str(refuse(path, absurd))
    assert "the footer, which says what the file holds, can't be read" in str(refuse(path, whole[:-200] + whole[-8:]))
    assert "it begins with b'text', and not with b'PAR1'" in str(refuse(path, b"text,label\n"))
    assert "the Parquet file is encrypted" in str(refuse(path, b"PARE" + whole[4:-4] + b"PARE"))


def test_a_page_with_a_wrong_checksum_is_named_by_the_rows_before_it(tmp_path, whole):
    place = whole.index(b"row 2500")
    error = refuse(tmp_path / "flipped.parquet", whole[:place] + b"r0w" + whole[place + 3 :])
    # Rows are read 512 at a time, and the page with row 2,500 begins after row 2,000.
    assert "the rows after row 1,536 can't be read (could not verify page integrity" in str(error)


def test_rows_that_are_too_large_are_refused_before_they_are_read(tmp_path, monkeypatch):
    table = pa.table({"a": ["x", "y" * (5 << 20)], "b": ["x", "y"]})
    monkeypatch.setattr(parquet, "_batches", lambda *rest: pytest.fail("rows were read"))
    with pytest.raises(DataError, match="bytes in 1 rows from here on; a row may have 1 MiB") as caught:
        read(tmp_path / "a.parquet", table, ("b", "a"), row_group_size=1)
    assert (caught.value.line, caught.value.column) == (2, "a")
    monkeypatch.undo()
    assert [cells["b"] for _, cells in read(tmp_path / "a.parquet", table, ("b",))] == ["x", "y"]


def test_a_footer_that_counts_wrongly_is_refused(tmp_path, whole, monkeypatch):
    path = tmp_path / "short.parquet"
    path.write_bytes(whole)
    rows = READER.read(path, Source(), ("text",))
    monkeypatch.setattr(parquet, "rows_of", lambda batches, *rest: iter(list(batches)[:0]))
    assert list(rows) == []
    file = pq.ParquetFile(path)
    counted = parquet._batches(_Short(file), ["text"], path)
    with pytest.raises(DataError, match="the footer says 3,000 rows, and the file has 1,000"):
        list(counted)


class _Short:
    """A file that yields its first row group only."""

    def __init__(self, file: Any) -> None:
        self.metadata, self.file = file.metadata, file

    def iter_batches(self, **options: Any) -> Any:
        return self.file.iter_batches(row_groups=[0], **options)
