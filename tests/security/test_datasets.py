"""Hostile data files: an error that names file, line and column; nothing half-imported; memory flat."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engram.data.csv import READER as CSV
from engram.data.jsonl import READER as JSONL
from engram.data.prepare import prepare_split
from engram.errors import DataError
from engram.schema.recipe import Data, Source

GOOD_CSV = b"text,label\n" + b"".join(b"row %d,%c\n" % (i, b"ab"[i % 2]) for i in range(30))
GOOD_JSONL = b"".join(b'{"text": "row %d", "label": "%c"}\n' % (i, b"ab"[i % 2]) for i in range(30))
MEBIBYTE = 1 << 20


def refuse(folder: Path, name: str, content: bytes | None = None) -> DataError:
    if content is not None:
        (folder / name).write_bytes(content)
    cache = folder / "cache"
    with pytest.raises(DataError) as caught:
        prepare_split(Data((Source(path=name),)), folder=folder, cache=cache)
    assert not cache.exists() or not list(cache.iterdir())
    assert caught.value.file == str(folder / name)
    assert name in str(caught.value)
    return caught.value


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "content", "line", "column", "words"),
    [
        ("count.csv", GOOD_CSV + b"a,b,c\n", 32, 3, "3 columns, expected 2"),
        ("utf8.csv", GOOD_CSV + b"caf\xe9,a\n", 32, 4, "byte 4 of the line (byte 275 of the file) is 0xe9"),
        ("utf8.jsonl", GOOD_JSONL + b'{"text": "\xff"}\n', 31, 11, "0xff, which is not UTF-8"),
        ("cut.csv", GOOD_CSV + b"half a character \xe2\x82", 32, 18, "unexpected end of data"),
        ("nul.csv", GOOD_CSV + b"a\0b,a\n", 32, 2, "a NUL byte"),
        ("nul.jsonl", GOOD_JSONL + b'{"text": "a\0"}\n', 31, 12, "a NUL byte"),
        ("utf16.csv", b"\xff\xfe" + "text,label\n".encode("utf-16-le"), 1, 1, "UTF-16"),
        ("utf16be.csv", "text,label\na,b\n".encode("utf-16-be"), 1, 1, "looks like UTF-16 text (big-endian)"),
        ("utf16le.csv", "text,label\na,b\n".encode("utf-16-le"), 1, 2, "looks like UTF-16 text (little-endian)"),
        ("packed.csv", b"\x1f\x8b\x08\0rest", 1, 1, "a gzip archive"),
        ("sheet.csv", b"PK\x03\x04rest", 1, 1, "a ZIP archive"),
        ("empty.csv", b"", None, None, "the file is empty"),
        ("bom.csv", b"\xef\xbb\xbf", 1, None, "the first line is empty"),
        ("nan.jsonl", GOOD_JSONL + b'{"text": "a", "label": NaN}\n', 31, "label", "NaN is not JSON"),
        ("inf.jsonl", GOOD_JSONL + b'{"text": "a", "label": -Infinity}\n', 31, "label", "-Infinity is not JSON"),
        ("deep.jsonl", GOOD_JSONL + b'{"text":' + b"[" * 500_000 + b"\n", 31, 40, "more than 32 levels deep"),
        ("list.jsonl", GOOD_JSONL + b'{"text": "a", "label": ["x"]}\n', 31, "label", "received a list"),
        ("twice.jsonl", GOOD_JSONL + b'{"text": "a", "text": "b", "label": "a"}\n', 31, "text", "stands twice"),
        ("many.csv", b",".join(b"c%d" % i for i in range(100_000)) + b"\n", 1, 4097, "100,000 columns"),
        ("wide.csv", GOOD_CSV + b"," * 99_999 + b"\n", 32, 3, "100,000 columns, expected 2"),
        ("keys.jsonl", b'{%s, "text": "a"}' % b",".join(b'"%x":1' % i for i in range(99_999)), 1, 4097, "100,000 keys"),
        ("quote.csv", GOOD_CSV + b'"never closed,a\n', 32, 1, "never closed"),
    ],
)
def test_a_bad_file_is_refused_by_name_line_and_column(tmp_path, name, content, line, column, words):
    with memory_below(64 * MEBIBYTE):
        error = refuse(tmp_path, name, content)
    assert (error.line, error.column) == (line, column)
    assert words in str(error)


@pytest.mark.parametrize(("name", "head"), [("long.csv", GOOD_CSV), ("long.jsonl", GOOD_JSONL + b'{"text": "')])
def test_a_line_of_100_mb_is_refused_in_flat_memory(tmp_path, name, head):
    path = tmp_path / name
    with path.open("wb") as stream:
        stream.write(head)
        for _ in range(100):
            stream.write(b"a" * MEBIBYTE)
    with memory_below(16 * MEBIBYTE):
        error = refuse(tmp_path, name)
    assert error.line == (32 if name.endswith("csv") else 31)
    assert "longer than 1 MiB" in str(error)


@pytest.mark.parametrize("reader", [CSV, JSONL])
def test_a_line_of_1_gb_is_refused_without_being_read(tmp_path, reader):
    path = tmp_path / "huge"
    path.write_bytes(b'{"text": "a"}\n')
    os.truncate(path, 1 << 30)
    with memory_below(16 * MEBIBYTE), pytest.raises(DataError) as caught:
        list(reader.read(path, Source(path="huge", delimiter=","), None))
    assert (caught.value.line, caught.value.column) == (2, MEBIBYTE + 1)


def test_a_line_of_exactly_1_mib_is_read_and_one_byte_more_is_not(tmp_path):
    for end in (b"\n", b"\r\n", b""):
        line = b"a" * (MEBIBYTE - 2) + b",b"
        path = tmp_path / "edge.csv"
        path.write_bytes(b"text,label\n" + line + end)
        assert len(next(CSV.read(path, Source(path="edge.csv"), None))[1]["text"]) == MEBIBYTE - 2
        path.write_bytes(b"text,label\na" + line + end)
        with pytest.raises(DataError, match="longer than 1 MiB"):
            list(CSV.read(path, Source(path="edge.csv"), None))


def test_a_quote_that_swallows_100_mb_of_lines_is_refused_in_flat_memory(tmp_path):
    path = tmp_path / "swallow.csv"
    with path.open("wb") as stream:
        stream.write(GOOD_CSV + b'"open\n')
        for _ in range(100):
            stream.write(b"row,a\n" * (MEBIBYTE // 6))
    with memory_below(64 * MEBIBYTE):
        error = refuse(tmp_path, "swallow.csv")
    assert error.line == 32
    assert "never closed" in str(error)


def test_a_record_of_endless_quoted_fields_is_refused_in_flat_memory(tmp_path):
    path = tmp_path / "endless.csv"
    path.write_bytes(b"text,label\n" + b'"x\n",' * (20 * MEBIBYTE // 5))
    with memory_below(128 * MEBIBYTE):
        error = refuse(tmp_path, "endless.csv")
    assert error.line == 2


@pytest.mark.parametrize(
    "name", ["missing.csv", "folder", "folder/rows.csv", "rows.csv/inside", "pipe", "link", "dot\0.csv"]
)
def test_what_is_no_regular_file_is_refused(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "rows.csv").write_bytes(GOOD_CSV)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    refuse(tmp_path, name)


def test_an_error_leaves_no_part_of_the_good_source_before_it(tmp_path):
    (tmp_path / "good.csv").write_bytes(GOOD_CSV)
    (tmp_path / "bad.csv").write_bytes(GOOD_CSV + b"x\n")
    data = Data((Source(path="good.csv"), Source(path="bad.csv")))
    with pytest.raises(DataError, match=r"bad\.csv:32"):
        prepare_split(data, folder=tmp_path, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("look", [CSV.look, JSONL.look])
def test_names_in_sentences_show_control_and_bidi_characters_as_escapes(tmp_path, look: Callable):
    path = tmp_path / "names"
    path.write_text('{"a\\u001b[31m,b\\u202ec": 1}\n' if look is JSONL.look else "a\x1b[31m,b\u202ec\nx,y\n")
    said = look(path, Source(path="names")).said
    assert said.isprintable()
    assert "\\x1b[31m" in said
    assert "\\u202e" in said
