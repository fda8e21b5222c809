"""What a file of rows is worth before anything is trained on it: every row read once, in flat memory, and counted."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engram.data.reader import MAX_COLUMNS, Reader, choose_reader, shown
from engram.errors import DataError
from engram.schema.recipe import Source

MOST_LABELS, MOST_LABEL_CHARACTERS = 50, 100
MOST_FLAGGED = 50
MOST_NAME_CHARACTERS = 1 << 20  # of all columns together: rows of JSON may each bring new ones
MOST_SHOWN_CHARACTERS = 4 << 20
REPORT_EVERY = 5_000

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Flag:
    """One thing that a person should look at; `line` as the reader counts it, `column` empty for the whole row."""

    line: int
    column: str
    what: str


@dataclass(frozen=True)
class Lengths:
    """Characters of the cells of a column that are not empty."""

    least: int
    most: int
    mean: float


@dataclass(frozen=True)
class Quality:
    """What a file of rows holds.

    rows: those that are not blank. missing: column → empty cells. duplicates: rows that an earlier one equals.
    labels: column → value → rows, for columns with at most 50 short values that are repeated. flagged: the first rows
    that are blank or lack a cell. said: the reader's sentence.
    """

    format: str
    columns: tuple[str, ...]
    rows: int
    blank: int
    duplicates: int
    missing: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]
    lengths: Mapping[str, Lengths]
    flagged: tuple[Flag, ...]
    said: str


@dataclass
class _Column:
    filled: int = 0
    total: int = 0
    least: int = 0
    most: int = 0
    values: dict[str, int] | None = field(default_factory=dict)

    def add(self, value: str) -> None:
        size = len(value)
        self.least = size if not self.filled else min(self.least, size)
        self.most = max(self.most, size)
        self.filled += 1
        self.total += size
        if self.values is not None:
            self.values[value] = self.values.get(value, 0) + 1
            if size > MOST_LABEL_CHARACTERS or len(self.values) > MOST_LABELS:
                self.values = None


def inspect(path: Path, options: Source, tick: Tick = lambda rows: None) -> Quality:
    """Read a whole file of any registered format and say what it holds; `tick` hears how many rows were read.

    Raises DataError with file, line and column for the first thing that the reader refuses, for a file without rows
    and for more than 4,096 columns; UnknownName for a format that no reader has.
    """
    reader = choose_reader(path, options)
    found = reader.look(path, options)
    columns = {name: _Column() for name in found.columns}
    seen, flagged = array("Q"), list[Flag]()
    rows = blank = 0
    for line, cells in reader.read(path, options, None):
        if not (rows + blank) % REPORT_EVERY:
            tick(rows + blank)
        if not cells or not any(value.strip() for value in cells.values()):
            blank += 1
            _flag(flagged, line, "", "the row is blank")
            continue
        rows += 1
        if cells.keys() - columns.keys():
            _widen(columns, cells, path, line)
        for name, column in columns.items():
            value = cells.get(name, "")
            if value.strip():
                column.add(value)
            else:
                _flag(flagged, line, name, "the cell is empty")
        seen.append(_digest(cells))
    tick(rows + blank)
    if not rows:
        raise DataError("the file holds no rows.", file=str(path), remedy="Name a file with rows in it.")
    return Quality(
        format=reader.name,
        columns=tuple(columns),
        rows=rows,
        blank=blank,
        duplicates=_duplicates(seen),
        missing={name: rows - one.filled for name, one in columns.items() if one.filled < rows},
        labels={name: _counted(one.values) for name, one in columns.items() if _is_label(one)},
        lengths={
            name: Lengths(one.least, one.most, round(one.total / one.filled, 2))
            for name, one in columns.items()
            if one.filled
        },
        flagged=tuple(flagged),
        said=found.said,
    )


def all_rows(path: Path, options: Source) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the rows of a file that are not blank, each with the line that it begins on; memory stays flat."""
    yield from (row for row in choose_reader(path, options).read(path, options, None) if row[1])


def first_rows(path: Path, options: Source, count: int) -> tuple[Reader, list[tuple[int, dict[str, str]]]]:
    """Return the reader of a file and its first rows that are not blank, each with the line that it begins on.

    Fewer than `count` when they hold more than 4 Mi characters.
    """
    reader, found, size = choose_reader(path, options), list[tuple[int, dict[str, str]]](), 0
    for line, cells in reader.read(path, options, None):
        if cells:
            found.append((line, dict(cells)))
            size += sum(map(len, cells.values()))
        if len(found) == count or size > MOST_SHOWN_CHARACTERS:
            break
    return reader, found


def _flag(flagged: list[Flag], line: int, column: str, what: str) -> None:
    if len(flagged) < MOST_FLAGGED:
        flagged.append(Flag(line, shown(column)[:MOST_LABEL_CHARACTERS], what))


def _widen(columns: dict[str, _Column], cells: Mapping[str, str], path: Path, line: int) -> None:
    for name in cells:
        columns.setdefault(name, _Column())
    if len(columns) > MAX_COLUMNS or sum(map(len, columns)) > MOST_NAME_CHARACTERS:
        message = f"the rows up to here have {len(columns):,} different columns; at most {MAX_COLUMNS:,} are read."
        raise DataError(message, file=str(path), line=line, remedy="Give every row the same keys.")


def _digest(cells: Mapping[str, str]) -> int:
    state = hashlib.blake2b(digest_size=8)
    for name in sorted(cells):
        for part in (name, cells[name]):
            content = part.encode("utf-8", "surrogatepass")
            state.update(len(content).to_bytes(8, "big") + content)
    return int.from_bytes(state.digest(), "big")


def _duplicates(seen: array[int]) -> int:
    import numpy as np

    return len(seen) - len(np.unique(np.frombuffer(seen, dtype=np.uint64)))


def _is_label(column: _Column) -> bool:
    return bool(column.values) and column.filled > len(column.values or ())


def _counted(values: Mapping[str, int] | None) -> dict[str, int]:
    return dict(sorted((values or {}).items(), key=lambda item: (-item[1], item[0])))
