"""Arrow batches as rows of text; the readers of Parquet and of the hub share it."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from engram.data.blocks import LINE_LIMIT_BYTES
from engram.data.example import spell_float
from engram.data.objects import refuse_false_characters
from engram.data.reader import Rows, no_text
from engram.errors import DataError
from engram.lazy import need

_NO_UTF8 = "bytes that are not UTF-8 text"


class _BadCell(ValueError):
    """A value that is no text; `place` is its row in the batch, from 0."""

    def __init__(self, what: str, place: int) -> None:
        super().__init__(what)
        self.place = place


def rows_of(batches: Iterable[Any], wanted: Sequence[str] | None, nested: Collection[str], path: Path) -> Rows:
    """Stream the rows of Arrow record batches, each with its number from 1; a null is an empty text.

    Numbers are spelled as JSON spells them, dates and times as in ISO 8601; lists, structs and maps of `nested` columns
    are compact JSON. Raises DataError with the row and the column for NaN and infinities, NUL, bytes that are not
    UTF-8, a text above 1 MiB, and lists and objects in other columns.
    """
    row = 1
    for batch in batches:
        names = batch.schema.names if wanted is None else wanted
        columns = []
        for name in names:
            array = batch.column(name)
            try:
                columns.append(_cells(array, name in nested, wanted is None))
            except _BadCell as error:
                raise no_text(str(error), path, row + error.place, name) from error
            _check(columns[-1], array, path, row, name)
        for cells in zip(*columns, strict=True):
            yield row, dict(zip(names, cells, strict=True))
            row += 1


def _cells(array: Any, nested: bool, lax: bool) -> list[str]:
    """Spell a column; where every column is only shown (`lax`), bytes that are no text are told by their number."""
    pyarrow = need("pyarrow", extra="train", why="to read Parquet")
    types, kind = pyarrow.types, array.type
    if types.is_dictionary(kind):
        return _cells(array.dictionary_decode(), nested, lax)
    if types.is_integer(kind):
        return ["" if value is None else str(value) for value in array.to_pylist()]
    if types.is_floating(kind):
        return _floats(array.to_pylist(), narrow=not types.is_float64(kind))
    if types.is_boolean(kind):
        return ["" if value is None else "true" if value else "false" for value in array.to_pylist()]
    if types.is_null(kind):
        return [""] * len(array)
    if types.is_nested(kind) and not types.is_union(kind):
        if nested or lax:
            return _nested(array, lax)
        raise _BadCell(f"a column of the type {kind}", 0)
    if types.is_decimal(kind) or types.is_temporal(kind):
        return ["" if value is None else value for value in array.cast(pyarrow.string()).to_pylist()]
    try:
        texts: list[Any] = array.to_pylist()
    except UnicodeDecodeError:
        texts = array.cast(pyarrow.binary()).to_pylist()
    return [_text(value, place, lax) for place, value in enumerate(texts)]


def _text(value: Any, place: int, lax: bool) -> str:
    if type(value) is str:
        return value
    if value is None:
        return ""
    if not isinstance(value, bytes):
        raise _BadCell(f"a value of the type {type(value).__name__}", place)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        if lax:
            return f"({len(value):,} bytes)"
        raise _BadCell(_NO_UTF8, place) from error


def _floats(values: Sequence[float | None], *, narrow: bool) -> list[str]:
    cells = []
    for place, value in enumerate(values):
        if value is not None and not math.isfinite(value):
            raise _BadCell(f"{value}, which is no number that JSON has", place)
        cells.append("" if value is None else spell_float(struct.pack("<f", value)) if narrow else repr(value))
    return cells


def _nested(array: Any, lax: bool) -> list[str]:
    def other(value: Any) -> str:
        return _text(value, place, lax) if isinstance(value, bytes) else str(value)

    cells, place = [], 0
    for place, scalar in enumerate(array):
        try:
            value = scalar.as_py(maps_as_pydicts="strict")
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=other)
        except UnicodeDecodeError as error:
            raise _BadCell(_NO_UTF8, place) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise _BadCell(f"what JSON can't hold ({error})", place) from error
        cells.append("" if value is None else text)
    return cells


def _check(cells: Sequence[str], array: Any, path: Path, row: int, name: str) -> None:
    if max(map(len, cells), default=0) > LINE_LIMIT_BYTES:
        place = next(at for at, cell in enumerate(cells) if len(cell) > LINE_LIMIT_BYTES)
        message = f"the text is longer than {LINE_LIMIT_BYTES >> 20} MiB, the most that one row may be."
        raise DataError(message, file=str(path), line=row + place, column=name, remedy="Split the row.")
    whole = "".join(cells)
    # In compact JSON a NUL is an escape, and what looks like one may be a text about it: the values tell.
    if "\0" in whole or "\\u0000" in whole:
        for place, cell in enumerate(cells):
            value = json.loads(cell) if cell.startswith(("[", "{")) and "\\u0000" in cell else cell
            refuse_false_characters({name: value}, (name,), path, row + place)
