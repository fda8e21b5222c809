"""Plain text: each line is one text, or each paragraph where the source says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from engram.data.blocks import LINE_LIMIT_BYTES, lines, read_head
from engram.data.csv import is_table
from engram.data.reader import Found, Reader, Rows, check_columns, say
from engram.errors import DataError
from engram.schema.recipe import Source

SUFFIXES = (".txt",)
COLUMNS = ("text",)


def sniff(head: bytes, name: str) -> float:
    """A name that says so, unless the content is a table; text under another name is asked for with format.

    >>> sniff(b"It is late, alas.", "a.txt") > 0.3 > sniff(b"text,label\\nhi,1\\n", "a.txt")
    True
    """
    return 0.5 if name.lower().endswith(SUFFIXES) and not is_table(head) else 0.1


def look(path: Path, options: Source) -> Found:
    """Return the one column, and a sentence that says what a row is."""
    read_head(path)
    return Found(COLUMNS, say(path, f"text, one row for each {'paragraph' if options.paragraphs else 'line'}", COLUMNS))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the lines of a text file, or its paragraphs (lines up to a blank one), without their line ends.

    Raises DataError with file and line for another column than ``text``, a paragraph above 1 MiB, and what `lines`
    refuses.
    """
    check_columns(COLUMNS, wanted or (), path, 1)
    for line, text in _paragraphs(path) if options.paragraphs else enumerate(lines(path), 1):
        row = text.rstrip("\r\n")
        yield line, {"text": row} if row and not row.isspace() else {}


def read_whole(path: Path) -> str:
    """Return the text of a whole file, without its last line end.

    Raises DataError for more than 1 MiB, and what `lines` refuses.
    """
    held: list[str] = []
    size = 0
    for text in lines(path):
        size = _hold(held, text, size, path, 1)
    return "".join(held).rstrip("\r\n")


def _paragraphs(path: Path) -> Iterator[tuple[int, str]]:
    held: list[str] = []
    first, size = 1, 0
    for line, text in enumerate(lines(path), 1):
        if not text.isspace():
            first = first if held else line
            size = _hold(held, text, size, path, first)
        elif held:
            yield first, "".join(held)
            held, size = [], 0
    if held:
        yield first, "".join(held)


def _hold(held: list[str], text: str, size: int, path: Path, first: int) -> int:
    """Keep a line of a longer text and return the characters kept so far."""
    held.append(text)
    if size + len(text) > LINE_LIMIT_BYTES:
        message = (
            f"the text that begins here is longer than {LINE_LIMIT_BYTES >> 20} MiB, the most that one row may be."
        )
        remedy = "Part it with blank lines and set paragraphs: true, or make each line a row."
        raise DataError(message, file=str(path), line=first, column=1, remedy=remedy)
    return size + len(text)


READER = Reader("text", sniff, look, read, SUFFIXES)
