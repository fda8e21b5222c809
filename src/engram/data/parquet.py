"""Parquet, by pyarrow: streamed batch by batch, with the number of the row that is at fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engram.data.arrow import rows_of
from engram.data.blocks import LINE_LIMIT_BYTES, open_source, read_start
from engram.data.reader import CERTAIN, MAX_COLUMNS, Found, Reader, Rows, check_columns, say
from engram.errors import DataError
from engram.lazy import need
from engram.schema.recipe import Source

SUFFIXES = (".parquet", ".pq")
BATCH_ROWS = 512
FOOTER_LIMIT_BYTES = 64 << 20
CONTAINER_LIMIT = 1 << 20
_BUFFER_BYTES = 1 << 18
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_TAIL_BYTES = 8
_DAMAGED = "Write or fetch it again."


def sniff(head: bytes, name: str) -> float:
    """The mark of the format at the start is certain.

    >>> sniff(b"PAR1...", "rows"), sniff(b"text,label", "rows.parquet"), sniff(b"text,label", "rows")
    (1.0, 0.9, 0.0)
    """
    return CERTAIN if head.startswith((_MAGIC, _ENCRYPTED)) else 0.9 * name.lower().endswith(SUFFIXES)


def look(path: Path, options: Source) -> Found:
    """Return the columns, and a sentence that says how many rows there are."""
    with _opened(path) as (file, names):
        return Found(names, say(path, f"Parquet, {file.metadata.num_rows:,} rows", names))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the rows of a Parquet file, each with its number from 1; other columns than the wanted are never read.

    Memory holds a batch of rows and a page of each wanted column. Raises DataError, with the row where one is at fault,
    for a file that is truncated, damaged or encrypted, more than 4,096 columns, names that stand twice, a missing
    column, and what `engram.data.arrow.rows_of` refuses; MissingExtra without pyarrow.
    """
    with _opened(path) as (file, names):
        check_columns(names, wanted or (), path, None)
        columns = list(names if wanted is None else wanted)
        _check_sizes(file.metadata, columns, path)
        yield from rows_of(_batches(file, columns, path), wanted, nested, path)


def _batches(file: Any, columns: list[str], path: Path) -> Iterator[Any]:
    read = 0
    batches = file.iter_batches(batch_size=BATCH_ROWS, columns=columns, use_threads=False)
    while True:
        with _told(path, f"the rows after row {read:,} can't be read"):
            batch = next(batches, None)
        if batch is None:
            break
        read += batch.num_rows
        yield batch
    if read != file.metadata.num_rows:
        raise _damaged(path, f"the footer says {file.metadata.num_rows:,} rows, and the file has {read:,}")


def _check_sizes(metadata: Any, columns: Sequence[str], path: Path) -> None:
    """Refuse rows that the footer says are above 1 MiB on the average, before pyarrow makes room for them."""
    first = 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(group.num_columns):
            chunk = group.column(place)
            name = next((each for each in columns if f"{chunk.path_in_schema}.".startswith(f"{each}.")), None)
            if name is not None and chunk.total_uncompressed_size > (group.num_rows + 1) * LINE_LIMIT_BYTES:
                size = f"{chunk.total_uncompressed_size:,} bytes in {group.num_rows:,} rows"
                message = f"the column has {size} from here on; a row may have {LINE_LIMIT_BYTES >> 20} MiB."
                raise DataError(message, file=str(path), line=first, column=name, remedy="Split the rows.")
        first += group.num_rows


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Open a file and yield it with the names of its columns."""
    parquet = need("pyarrow.parquet", extra="train", why="to read Parquet")
    _check_ends(path)
    with _told(path, "the footer, which says what the file holds, can't be read"):
        file = parquet.ParquetFile(
            str(path),
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
            thrift_string_size_limit=FOOTER_LIMIT_BYTES,
            thrift_container_size_limit=CONTAINER_LIMIT,
        )
        names = tuple(file.schema_arrow.names)
    with file:
        if len(names) > MAX_COLUMNS:
            message = f"the file has {len(names):,} columns; at most {MAX_COLUMNS:,} are read."
            raise DataError(message, file=str(path), column=MAX_COLUMNS + 1, remedy="Keep the columns that are used.")
        if len(set(names)) < len(names):
            twice = next(name for place, name in enumerate(names) if name in names[:place])
            raise DataError("the column stands twice.", file=str(path), column=twice, remedy="Rename one of the two.")
        yield file, names


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """Turn what pyarrow raises for a damaged file into words."""
    pyarrow = need("pyarrow", extra="train", why="to read Parquet")
    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError, OverflowError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise _damaged(path, f"{what} ({first[:200]})") from error


def _check_ends(path: Path) -> None:
    """Look at the marks at both ends and at the length of the footer, which lies before the last mark."""
    head = read_start(path)
    if head.startswith(_ENCRYPTED):
        raise DataError("the Parquet file is encrypted.", file=str(path), remedy="Decrypt it first.")
    if not head.startswith(_MAGIC):
        message = f"this is no Parquet file: it begins with {head[:4]!r}, and not with {_MAGIC!r}."
        raise DataError(message, file=str(path), remedy="Set another format, or format: auto.")
    with open_source(path) as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _TAIL_BYTES))
        tail = stream.read()
    if size < len(_MAGIC) + _TAIL_BYTES or not tail.endswith((_MAGIC, _ENCRYPTED)):
        raise _damaged(path, f"the file is truncated: its {size:,} bytes do not end with {_MAGIC!r}")
    footer = int.from_bytes(tail[:4], "little")
    if footer > min(size - len(_MAGIC) - _TAIL_BYTES, FOOTER_LIMIT_BYTES):
        raise _damaged(path, f"the file of {size:,} bytes says that its footer has {footer:,}")


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{what}.", file=str(path), remedy=_DAMAGED)


READER = Reader("parquet", sniff, look, read, SUFFIXES)
