"""What a reader of one file format is, and how the right one is found by looking at the content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engram import registry
from engram.data.blocks import read_head
from engram.errors import DataError, did_you_mean
from engram.schema.recipe import Source

MAX_COLUMNS = 4096
SHOWN_COLUMNS = 12

Rows = Iterator[tuple[int, dict[str, str]]]


@dataclass(frozen=True)
class Found:
    """What a look at the head of a file says: its columns and one sentence for people."""

    columns: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class Reader:
    """One file format.

    sniff(head, file name): how well the format fits, from 0 (not at all) to 1 (certainly).
    look(path, options): the columns, and a sentence that says what was found.
    read(path, options, wanted): streams ``(line, cells)``; `line` is where the row begins, counted from 1. `wanted`
        names the columns to keep (None: all). An empty line is ``(line, {})``, so that nobody has to lose it silently.

    look and read raise DataError with file, line and column for anything that doesn't fit.
    """

    name: str
    sniff: Callable[[bytes, str], float]
    look: Callable[[Path, Source], Found]
    read: Callable[[Path, Source, Sequence[str] | None], Rows]


def choose_reader(path: Path, options: Source) -> Reader:
    """Return the reader that `options.format` names, or for ``auto`` the one that fits the content best.

    Raises UnknownName for a format that no reader has, DataError when none fits.
    """
    if options.format != "auto":
        reader: Reader = registry.get("reader", options.format)
        return reader
    head = read_head(path)
    readers: list[Reader] = [registry.get("reader", name) for name in registry.names("reader")]
    best = max(readers, key=lambda reader: reader.sniff(head, path.name))
    if best.sniff(head, path.name) > 0:
        return best
    raise DataError(
        "no known format fits this file.",
        file=str(path),
        remedy=f"Known formats: {', '.join(registry.names('reader'))}; name one with format:.",
    )


def check_columns(columns: Sequence[str], wanted: Sequence[str], path: Path, line: int) -> None:
    """Raise DataError when a wanted column is missing."""
    for name in wanted:
        if name not in columns:
            raise DataError(
                f"there is no column {name!r}. Columns: {list_columns(columns)}.",
                file=str(path),
                line=line,
                column=name,
                remedy=did_you_mean(name, columns) or "Say which column is which: columns: {text: …, label: …}.",
            )


def list_columns(columns: Sequence[str]) -> str:
    r"""Join column names for a sentence; characters that don't print are shown escaped, long lists are cut.

    >>> list_columns(["text", "la\x1bbel"])
    'text, la\\x1bbel'
    """
    names = ", ".join(shown(name) for name in columns[:SHOWN_COLUMNS])
    more = len(columns) - SHOWN_COLUMNS
    return f"{names} and {more} more" if more > 0 else names


def shown(name: str) -> str:
    r"""Show a foreign text literally: control, bidi and other unprintable characters as escapes.

    >>> shown("a\u202eb")
    'a\\u202eb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
