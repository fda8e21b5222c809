"""CoNLL: a token and its tags on each line, a blank line after each sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.data.blocks import LINE_LIMIT_BYTES, lines, read_head
from engram.data.reader import MAX_COLUMNS, Found, Reader, Rows, check_columns, list_columns, no_text, say
from engram.errors import DataError
from engram.schema.recipe import Source

SUFFIXES = (".conll", ".iob", ".iob2", ".bio")
_TAG = re.compile(r"O|[BIESLU]-\S+")
_BLANKS = re.compile(r"[ \t]+")
_SAMPLE_LINES = 50
_DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True)
class Sentence:
    """The rows of one sentence, one for each token; `line` is that of the first, `tabs` what parts its columns."""

    line: int
    tabs: bool
    rows: list[list[str]]


def sniff(head: bytes, name: str) -> float:
    r"""Lines of two columns or more, of which the last is a tag such as ``B-person`` or ``O``.

    >>> sniff(b"in\tO\nRome\tB-place\n\n", "a.txt"), sniff(b"text,label\n", "a.conll"), sniff(b"say O\nno\n", "a.txt")
    (0.95, 0.8, 0.0)
    """
    found = head.decode(errors="replace").splitlines()[:_SAMPLE_LINES]
    rows = [_BLANKS.split(line.strip(" \t")) for line in found if line.strip() and not line.startswith("#")]
    if len(rows) > 1 and all(len(row) > 1 and _TAG.fullmatch(row[-1]) for row in rows):
        return 0.95
    return 0.8 * name.lower().endswith(SUFFIXES)


def look(path: Path, options: Source) -> Found:
    """Return the columns, one for each of the file's, and a sentence that says what lies between them."""
    read_head(path)
    sentence = next(_sentences(path), None)
    names = _names(path, options, sentence) if sentence else ("tokens", "tags")
    between = "tabs" if sentence and sentence.tabs else "spaces"
    return Found(names, say(path, f"CoNLL, columns parted by {between}, one row for each sentence", names))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the sentences of a CoNLL file: each column is a JSON list of texts, one for each token.

    The columns are ``tokens`` (the first), ``tags`` (the last) and between them ``column_2``, ``column_3`` and so on,
    or what `options.header` names. Comments, which begin with ``#`` and are no row of tokens, and ``-DOCSTART-`` lines
    are passed over. Raises DataError with file, line and column for a line with another number of columns, an empty
    cell, a sentence above 1 MiB, a wanted column that is missing or not in `nested`, and what `lines` refuses.
    """
    places: list[tuple[str, int]] = []
    for sentence in _sentences(path):
        if not places:
            names = _names(path, options, sentence)
            check_columns(names, wanted or (), path, sentence.line)
            if bad := next((name for name in wanted or () if name not in nested), None):
                raise no_text("a list, one text for each token", path, sentence.line, bad)
            places = [(name, names.index(name)) for name in (names if wanted is None else wanted)]
        columns = list(zip(*sentence.rows, strict=True))
        cells = {name: json.dumps(columns[at], ensure_ascii=False, separators=(",", ":")) for name, at in places}
        yield sentence.line, cells


def _sentences(path: Path) -> Iterator[Sentence]:
    sentence: Sentence | None = None
    tabs = False
    width = size = 0
    for line, text in enumerate(lines(path), 1):
        text = text.rstrip("\r\n")
        if not text.strip(" \t"):
            if sentence:
                yield sentence
            sentence = None
            continue
        tabs = tabs if width else "\t" in text  # the first row decides for the file
        row = text.split("\t") if tabs else _BLANKS.split(text.strip(" "))
        if row[0].startswith(_DOCUMENT) or (text.startswith("#") and _is_comment(text, row, width)):
            continue
        if len(row) != (width or max(2, len(row))) or not all(cell.strip(" ") for cell in row):
            raise _bad_line(path, line, row, width)
        width = len(row)
        if sentence is None:
            sentence, size = Sentence(line, tabs, []), 0
        sentence.rows.append(row)
        size += len(text)
        if size > LINE_LIMIT_BYTES:
            message = f"the sentence that begins here is longer than {LINE_LIMIT_BYTES >> 20} MiB."
            remedy = "Put a blank line after each sentence."
            raise DataError(message, file=str(path), line=sentence.line, column=1, remedy=remedy)
    if sentence:
        yield sentence


def _is_comment(text: str, row: Sequence[str], width: int) -> bool:
    """Tell a comment from the row of a token that begins with ``#``; `width` is 0 while it is not known."""
    if "\t" in text:
        return text.startswith("# ") or len(row) != (width or len(row))
    if len(row) > 1 and _TAG.fullmatch(row[-1]):
        return len(row) != (width or len(row))
    return len(row) != width or text.startswith(("# ", "#begin document", "#end document"))


def _names(path: Path, options: Source, sentence: Sentence) -> tuple[str, ...]:
    width = len(sentence.rows[0])
    if width > MAX_COLUMNS:
        message = f"the line has {width:,} columns; at most {MAX_COLUMNS:,} are read."
        raise DataError(message, file=str(path), line=sentence.line, column=MAX_COLUMNS + 1)
    if options.header is None:
        return ("tokens", *(f"column_{place}" for place in range(2, width)), "tags")
    if len(options.header) == width == len(set(options.header)):
        return options.header
    message = (
        f"the line has {width} columns, and the header names {len(options.header)}: {list_columns(options.header)}."
    )
    remedy = "Name each column once."
    raise DataError(message, file=str(path), line=sentence.line, remedy=remedy)


def _bad_line(path: Path, line: int, row: Sequence[str], width: int) -> DataError:
    if len(row) == width or len(row) > 1 > width:
        column = next(place for place, cell in enumerate(row, 1) if not cell.strip(" "))
        message = "the cell is empty, where a token or a tag was expected."
    else:
        column = min(len(row), width or 2) + 1
        message = f"the line has {len(row):,} column{'s' * (len(row) != 1)}, expected {width or '2 or more'}."
    remedy = "Put a blank line after each sentence, and the same columns on every line."
    return DataError(message, file=str(path), line=line, column=column, remedy=remedy)


READER = Reader("conll", sniff, look, read, SUFFIXES)
