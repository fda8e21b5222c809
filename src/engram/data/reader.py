"""What a reader of one file format is, and how the right one is found by looking at the content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from engram import registry
from engram.data.blocks import read_start, refuse_foreign
from engram.errors import DataError, did_you_mean
from engram.schema.recipe import Source

MAX_COLUMNS = 4096
SHOWN_COLUMNS = 12
CERTAIN = 1.0

Rows = Iterator[tuple[int, dict[str, str]]]


@dataclass(frozen=True)
class Found:
    """What a look at the head of a file says: its columns and one sentence for people."""

    columns: tuple[str, ...]
    said: str


class ReadRows(Protocol):
    """How rows are streamed; see `Reader.read`."""

    def __call__(
        self, path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()
    ) -> Rows:
        """Stream the rows of a source."""


@dataclass(frozen=True)
class Reader:
    """One file format.

    sniff(head, file name): how well the format fits, from 0 (not at all) to 1 (certainly).
    look(path, options): the columns, and a sentence that says what was found.
    read(path, options, wanted, nested): streams ``(line, cells)``; `line` is where the row begins, counted from 1
        (for a format without lines: the number of the record). `wanted` names the columns to keep (None: all). Of
        these, the columns named in `nested` may hold lists and objects, whose cell is compact JSON; in the others a
        list is refused. CSV and TSV have texts only, which may be JSON. An empty line is ``(line, {})``, so that
        nobody has to lose it silently.
    suffixes: the ends of names, in lower case, by which files of this format are found in a folder.
    uniform: every row of a file has the columns that `look` found.

    look and read raise DataError with file, line and column for anything that doesn't fit.
    """

    name: str
    sniff: Callable[[bytes, str], float]
    look: Callable[[Path, Source], Found]
    read: ReadRows
    suffixes: tuple[str, ...] = ()
    uniform: bool = True


def choose_reader(path: Path, options: Source) -> Reader:
    """Return the reader that `options.format` names, or for ``auto`` the one that fits the content best.

    A folder, a pattern such as ``part-*.csv`` and a hub id get a reader that goes over what they hold. Raises
    UnknownName for a format that no reader has, DataError when none fits.
    """
    from engram.data.folder import folder_reader, is_many
    from engram.data.hub import HUB

    if options.hub is not None:
        return HUB
    return folder_reader(path, options) if is_many(path, options) else file_reader(path, options)


def file_reader(path: Path, options: Source) -> Reader:
    """Return the reader for one file; see `choose_reader`."""
    from engram.data import coco

    if options.format == coco.READER.name:
        return coco.READER
    if options.format != "auto":
        return cast(Reader, registry.get("reader", options.format))
    head = read_start(path)
    if options.paragraphs:
        return cast(Reader, registry.get("reader", "text"))
    # Whoever speaks of columns means no plain text, whatever its lines look like.
    table = options.header is not None or options.delimiter is not None or not options.quoting
    names = [name for name in registry.names("reader") if not (table and name == "text")]
    readers: list[Reader] = [registry.get("reader", name) for name in names]
    scores = [reader.sniff(head, path.name) for reader in readers]
    best = max(scores)
    if coco.sniff(head, path.name) > best:  # JSON, of which COCO's tables are one shape
        return coco.READER
    if best < CERTAIN:
        refuse_foreign(head, path)
    if best > 0:
        return readers[scores.index(best)]
    raise DataError(
        "no known format fits this file.",
        file=str(path),
        remedy=f"Known formats: {', '.join(registry.names('reader'))}; name one with format:.",
    )


def say(path: Path, what: str, columns: Sequence[str]) -> str:
    """Return the sentence of a look.

    >>> say(Path("data/rows.csv"), "CSV, header line", ["text", "label"])
    'read rows.csv as CSV, header line, 2 columns: text, label'
    """
    plural = "s" * (len(columns) != 1)
    return f"read {shown(path.name)} as {what}, {len(columns)} column{plural}: {list_columns(columns) or 'none'}"


def no_text(what: str, path: Path, line: int, column: str) -> DataError:
    """Say that a list, an object or bytes stand where a text is due."""
    message = f"expected a text or a number, received {what}."
    return DataError(message, file=str(path), line=line, column=column, remedy="Write one value per row.")


def check_columns(columns: Sequence[str], wanted: Sequence[str], path: Path, line: int | None) -> None:
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
