"""CSV (RFC 4180) and its kin: other delimiters, files without a header, files in which quotes mean nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from engram.data.blocks import HEAD_BYTES, LINE_LIMIT_BYTES, Cursor, lines, read_head
from engram.data.reader import MAX_COLUMNS, Found, Reader, Rows, check_columns, say
from engram.errors import DataError, UsageError
from engram.schema.recipe import Source

SUFFIXES = (".csv",)
DELIMITERS = (",", "\t", ";", "|")
_SAMPLE_ROWS = 100
_NAMES = {"\t": "tab", " ": "space"}


def sniff(head: bytes, name: str) -> float:
    """Any text may be CSV, so the score is low unless the name says it.

    >>> sniff(b"text,label", "tickets.csv") > sniff(b"text,label", "tickets")
    True
    """
    return 0.6 if name.lower().endswith((*SUFFIXES, ".tsv", ".tab")) else 0.3


def look(path: Path, options: Source) -> Found:
    """Return the columns and a sentence: format, delimiter, quoting, number and names of the columns."""
    delimiter = _delimiter(path, options)
    return look_as(f"CSV, delimiter {_NAMES.get(delimiter, repr(delimiter))}", delimiter, path, options)


def look_as(what: str, delimiter: str, path: Path, options: Source) -> Found:
    """Return the columns and a sentence for a file whose delimiter is known; `what` names the format."""
    columns = _header(path, options, delimiter)
    quotes = "" if options.quoting else ", quotes taken as ordinary characters"
    given = "no header line" if options.header else "header line"
    return Found(tuple(columns), say(path, f"{what}{quotes}, {given}", columns))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the rows of a CSV file in flat memory; a quoted field may hold line ends. Every cell is a text as it is.

    Raises DataError with file, line and column for a row with too many or too few columns, a quote that is never
    closed or stands in the wrong place, duplicate or empty column names, a missing column, and what `lines` refuses.
    """
    delimiter = _delimiter(path, options)
    cursor = Cursor()
    rows = _parse(lines(path, cursor), options, delimiter)
    try:
        columns = _checked_header(options.header or next(rows, []), path)
        cursor.line = rows.line_num + 1
        keep = tuple(columns) if wanted is None else tuple(wanted)
        check_columns(columns, keep, path, 1)
        pick = _picker([columns.index(name) for name in keep])
        width = len(columns)
        for row in rows:
            if len(row) == width:
                yield cursor.line, dict(zip(keep, pick(row), strict=True))
            elif row:
                raise _wrong_width(path, cursor.line, row, columns)
            else:
                yield cursor.line, {}
            cursor.line = rows.line_num + 1
    except csv.Error as error:
        raise _malformed(path, cursor.line, rows.line_num, options, delimiter, error) from error


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return what takes some columns out of a row, in C where it can."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: [row[place] for place in places]


def _parse(text: Iterator[str], options: Source, delimiter: str, *, strict: bool = True) -> Any:
    # The limit is the process's own, so it is only ever raised; _blocks bounds a record well below it.
    csv.field_size_limit(max(csv.field_size_limit(), 4 * LINE_LIMIT_BYTES))
    if options.quoting:
        return csv.reader(text, delimiter=delimiter, strict=strict)
    return csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE, quotechar=None, strict=strict)


def _delimiter(path: Path, options: Source) -> str:
    """Return the delimiter that was given, or the one with which most sampled rows have as many columns as they should.

    Should: as many as the given header has, else as the first row has. Ties go to more columns, then to the order of
    DELIMITERS.
    """
    if options.delimiter is not None:
        if len(options.delimiter) != 1 or options.delimiter in '\r\n"':
            raise UsageError(f"delimiter must be one character, neither a quote nor a line end: {options.delimiter!r}.")
        return options.delimiter
    text = _whole_lines(read_head(path))
    scores = [_score(text, options, delimiter) for delimiter in DELIMITERS]
    return DELIMITERS[scores.index(max(scores))]


def is_table(head: bytes) -> bool:
    """Tell whether the head of a file has at least two rows, and all of them as many columns, two or more.

    >>> is_table(b"text,label\\ngood,1\\n"), is_table(b"Well, yes.\\nIt, too, is prose.\\n"), is_table(b"one, two\\n")
    (True, False, False)
    """
    text = _whole_lines(head)
    if len(text.splitlines()) < 2:
        return False
    return any(_score(text, Source(), delimiter) >= (1.0, 2) for delimiter in DELIMITERS)


def _whole_lines(head: bytes) -> str:
    text = head.decode(errors="replace")
    if len(head) >= HEAD_BYTES - 3:
        return text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    return text


def _score(text: str, options: Source, delimiter: str) -> tuple[float, int]:
    rows = _parse(io.StringIO(text, newline=""), options, delimiter, strict=False)
    widths = [len(row) for row in islice(rows, _SAMPLE_ROWS) if row]
    due = len(options.header) if options.header else (widths[0] if widths else 1)
    if due < 2:
        return 0.0, 1
    return sum(width == due for width in widths) / max(1, len(widths)), due


def _header(path: Path, options: Source, delimiter: str) -> Sequence[str]:
    read_head(path)
    if options.header:
        return _checked_header(options.header, path)
    rows = _parse(lines(path, Cursor()), options, delimiter)
    try:
        return _checked_header(next(rows, []), path)
    except csv.Error as error:
        raise _malformed(path, 1, rows.line_num, options, delimiter, error) from error


def _checked_header(names: Sequence[str], path: Path) -> Sequence[str]:
    if len(names) > MAX_COLUMNS:
        message = f"the header has {len(names):,} columns; at most {MAX_COLUMNS:,} are read."
        raise DataError(message, file=str(path), line=1, column=MAX_COLUMNS + 1, remedy="Is the delimiter right?")
    seen: set[str] = set()
    for place, name in enumerate(names, 1):
        if not name.strip() or name in seen:
            what = f"the column name {name!r} stands twice" if name.strip() else "a column has no name"
            remedy = "Give each column its own name, or name them all with header: when the file has no header line."
            raise DataError(f"{what}.", file=str(path), line=1, column=place, remedy=remedy)
        seen.add(name)
    if not names:
        raise DataError("the first line is empty, where the column names were expected.", file=str(path), line=1)
    return names


def _wrong_width(path: Path, line: int, row: Sequence[str], columns: Sequence[str]) -> DataError:
    column = len(columns) + 1 if len(row) > len(columns) else columns[len(row)]
    message = f"the row has {len(row):,} column{'s' * (len(row) != 1)}, expected {len(columns)}."
    remedy = "Quote fields that hold the delimiter, or name another delimiter."
    return DataError(message, file=str(path), line=line, column=column, remedy=remedy)


def _malformed(path: Path, first: int, last: int, options: Source, delimiter: str, error: csv.Error) -> DataError:
    """Say at which column a record stops being CSV, by walking over its good fields."""
    text = "".join(islice(lines(path), first - 1, last))
    mark = re.escape(delimiter)
    good = re.compile(rf'(?:"[^"]*(?:""[^"]*)*+"|[^"{mark}\r\n][^{mark}\r\n]*|){mark}')
    column, at = 1, 0
    while field := good.match(text, at):
        column, at = column + 1, field.end()
    unclosed = "unexpected end of data" in str(error)
    what = "a quote is opened and never closed" if unclosed else f"this is not CSV: {error}"
    remedy = "Double quotes inside quoted fields, or set quoting: false if quotes are ordinary characters."
    return DataError(f"{what}.", file=str(path), line=first, column=column, remedy=remedy)


READER = Reader("csv", sniff, look, read, SUFFIXES)
