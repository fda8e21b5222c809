"""What every registered reader keeps to, plugins included."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.rows import LISTS, as_cells, columns_of, records_of, write_rows

from engram import registry
from engram.data.reader import Reader, choose_reader
from engram.errors import DataError
from engram.schema.recipe import Source

NAMES = registry.names("reader")
EVERY = pytest.mark.parametrize("name", NAMES)
MEBIBYTE = 1 << 20
MOST_GROWTH = 48 * MEBIBYTE
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def reader_of(name: str) -> Reader:
    reader: Reader = registry.get("reader", name)
    return reader


def write(folder: Path, name: str, count: int = 5) -> tuple[Path, list[dict[str, Any]]]:
    """A small file of a format under a name with its first suffix, and its records."""
    path = folder / f"rows{reader_of(name).suffixes[0]}"
    records = records_of(name, count)
    write_rows(name, path, records)
    return path, records


def read(name: str, path: Path, wanted: tuple[str, ...] | None, nested: tuple[str, ...] = ()) -> list[Any]:
    return list(reader_of(name).read(path, Source(path=str(path), format=name), wanted, nested))


def only_data_errors(name: str, path: Path) -> None:
    """Looking and reading may refuse a file, and may do nothing else but read it."""
    reader, options = reader_of(name), Source(path=str(path), format=name)
    for attempt in (
        lambda: reader.look(path, options),
        lambda: list(reader.read(path, options)),
        lambda: list(reader.read(path, options, columns_of(name), columns_of(name))),
    ):
        try:
            attempt()
        except DataError as error:
            assert str(path) in str(error)


def test_there_are_eight_built_in_readers() -> None:
    assert NAMES == ["conll", "csv", "json", "jsonl", "parquet", "text", "tfrecord", "tsv"]


@EVERY
def test_it_says_what_it_is(name: str) -> None:
    reader = reader_of(name)
    assert isinstance(reader, Reader)
    assert reader.name == name
    assert reader.suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.suffixes)


def test_no_two_readers_claim_one_suffix() -> None:
    suffixes = [suffix for name in NAMES for suffix in reader_of(name).suffixes]
    assert len(suffixes) == len(set(suffixes))


@EVERY
def test_it_is_found_by_its_file(name: str, tmp_path: Path) -> None:
    path, _ = write(tmp_path, name)
    assert choose_reader(path, Source(path=str(path))).name == name


@pytest.mark.parametrize("name", ["conll", "json", "jsonl", "parquet", "tfrecord"])
def test_content_that_speaks_for_itself_outweighs_the_name(name: str, tmp_path: Path) -> None:
    path, _ = write(tmp_path, name)
    for other in ("rows.csv", "rows.txt", "rows", "rows.tsv"):
        misnamed = path.rename(tmp_path / other)
        assert choose_reader(misnamed, Source(path=str(misnamed))).name == name
        path = misnamed


@EVERY
def test_a_look_names_the_columns_and_says_what_was_found(name: str, tmp_path: Path) -> None:
    path, _ = write(tmp_path, name)
    found = reader_of(name).look(path, Source(path=str(path)))
    assert found.columns == columns_of(name)
    assert found.said.startswith(f"read {path.name} as ")
    assert ", ".join(columns_of(name)) in found.said


@EVERY
def test_what_was_written_is_read(name: str, tmp_path: Path) -> None:
    path, records = write(tmp_path, name)
    columns = columns_of(name)
    for rows in (read(name, path, None), read(name, path, columns, columns if name in LISTS else ())):
        assert [
            cells if name != "tfrecord" else {k: v.strip('["]') for k, v in cells.items()} for _, cells in rows
        ] == [as_cells(record) for record in records]
        places = [place for place, _ in rows]
        assert places == sorted(places)
        assert len(set(places)) == len(records)
        assert places[0] >= 1


@EVERY
def test_only_wanted_columns_are_kept_in_the_order_asked_for(name: str, tmp_path: Path) -> None:
    path, _ = write(tmp_path, name)
    columns = columns_of(name)
    nested = columns if name == "conll" else ()
    for wanted in (columns[::-1], columns[:1]):
        assert [tuple(cells) for _, cells in read(name, path, wanted, nested)] == [wanted] * 5


@EVERY
def test_a_missing_column_is_answered_with_the_nearest(name: str, tmp_path: Path) -> None:
    path, _ = write(tmp_path, name)
    near = columns_of(name)[0]
    with pytest.raises(DataError, match=f"no column '{near}x'.*Did you mean '{near}'") as caught:
        read(name, path, (f"{near}x",), (f"{near}x",))
    assert caught.value.column == f"{near}x"


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_json_where_they_may_be_and_refused_elsewhere(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    first, second = ("tokens", "tags") if name == "conll" else ("words", "text")
    lists = [["é", 'b"'], ["c\\", "d"]]
    write_rows(name, path, [{first: words, second: ["O", "O"] if name == "conll" else "x"} for words in lists])
    rows = read(name, path, (first,), (first,))
    assert [json.loads(cells[first]) for _, cells in rows] == lists
    assert rows[0][1][first] == '["é","b\\""]'
    with pytest.raises(DataError, match="expected a text or a number, received") as caught:
        read(name, path, (second, first), (second,))
    assert caught.value.column == first
    assert caught.value.line == 1 or (name == "parquet" and caught.value.line == 1)


@pytest.mark.parametrize("name", ["jsonl", "json", "parquet"])
def test_objects_are_json_too(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "\u2028 there"}]
    write_rows(name, path, [{"messages": turns}])
    ((_, cells),) = read(name, path, ("messages",), ("messages",))
    assert cells == {"messages": json.dumps(turns, ensure_ascii=False, separators=(",", ":"))}


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_json_in_a_table_passes_as_it_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    write_rows(name, path, [{"a": '["x",  1]', "b": "y"}])
    assert read(name, path, ("a",), ("a",)) == [(2, {"a": '["x",  1]'})]


@EVERY
def test_what_is_no_file_of_rows_is_refused(name: str, tmp_path: Path) -> None:
    empty, pipe = tmp_path / "empty", tmp_path / "pipe"
    empty.touch()
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="the file is empty"):
        reader_of(name).look(empty, Source(path="empty"))
    for path in (pipe, tmp_path, tmp_path / "missing"):
        for attempt in (lambda path: reader_of(name).look(path, Source()), lambda path: read(name, path, None)):
            with pytest.raises(DataError, match=r"where a file was expected|no such file"):
                attempt(path)


@EVERY
def test_an_archive_is_told_in_words(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{reader_of(name).suffixes[0]}.gz"
    path.write_bytes(b"\x1f\x8b\x08\0rest")
    with pytest.raises(DataError, match="a gzip archive"):
        choose_reader(path, Source(path=str(path))).look(path, Source())
    with pytest.raises(DataError, match=r"a gzip archive|no Parquet file"):
        reader_of(name).look(path, Source())


@EVERY
@FEW
@given(content=st.one_of(st.binary(min_size=1, max_size=200), st.text(min_size=1, max_size=60).map(str.encode)))
def test_random_bytes_are_read_or_refused(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "random"
    path.write_bytes(content)
    only_data_errors(name, path)
    try:
        choose_reader(path, Source(path=str(path)))
    except DataError as error:
        assert str(path) in str(error)


@EVERY
@FEW
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_is_read_or_refused(name: str, seed: int, tmp_path: Path) -> None:
    path, _ = write(tmp_path, name)
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(chance.randint(0, 3)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    if chance.random() < 0.5:
        del content[chance.randrange(len(content)) :]
    if chance.random() < 0.2:
        content += bytes(chance.randrange(256) for _ in range(9))
    path.write_bytes(content)
    only_data_errors(name, path)


READ_IN_CHILD = """
import resource, sys
from pathlib import Path
from engram import registry
from engram.schema.recipe import Source
reader, columns = registry.get("reader", sys.argv[1]), tuple(sys.argv[4:])
nested = columns if sys.argv[1] == "conll" else ()
peaks, rows = [], 0
for name in sys.argv[2:4]:
    for _ in reader.read(Path(name), Source(path=name), columns, nested):
        rows += 1
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(rows, peaks[1] - peaks[0])
"""


def growth(name: str, folder: Path, size: int) -> tuple[int, int, int]:
    """Read a small file and then one of so many bytes in a fresh process; rows due, rows read, bytes that it grew."""
    small, large = folder / "small", folder / "large"
    text = "some words of a row " * 50
    records = records_of(name, 200, text if name != "conll" else "word" * 25)
    count = 0

    def until_large():
        nonlocal count
        sizes = [len(str(record)) for record in records]
        written = 0
        for place in itertools.cycle(range(len(records))):
            if written > size:
                return
            written += sizes[place]
            count += 1
            yield records[place]

    write_rows(name, small, records)
    write_rows(name, large, until_large())
    command = [sys.executable, "-c", READ_IN_CHILD, name, str(small), str(large), *columns_of(name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    large.unlink()
    rows, grew = map(int, done.stdout.split())
    return count + len(records), rows, grew


@EVERY
def test_a_file_of_50_mb_is_read_in_flat_memory(name: str, tmp_path: Path) -> None:
    due, rows, grew = growth(name, tmp_path, 50 * MEBIBYTE)
    assert rows == due
    assert grew < MOST_GROWTH


@pytest.mark.slow
@EVERY
def test_a_file_of_2_gb_is_read_in_flat_memory(name: str, tmp_path: Path) -> None:
    due, rows, grew = growth(name, tmp_path, 2048 * MEBIBYTE)
    assert rows == due
    assert grew < MOST_GROWTH
