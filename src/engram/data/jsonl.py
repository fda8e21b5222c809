"""JSON Lines: one JSON object (RFC 8259) on each line."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from engram.data.blocks import HEAD_BYTES, lines, read_head
from engram.data.objects import (
    DECODER,
    MAX_DEPTH,
    NoText,
    NotFinite,
    Twice,
    ambiguous,
    check_record,
    misfit,
    not_finite_at,
    plain,
    refuse_false_characters,
    spellings,
    too_deep,
    too_deep_at,
)
from engram.data.reader import CERTAIN, MAX_COLUMNS, Found, Reader, Rows, say
from engram.errors import DataError
from engram.schema.recipe import Source

SUFFIXES = (".jsonl", ".ndjson")
_LINE_ENDS = ("\n", "\r\n", "")


def sniff(head: bytes, name: str) -> float:
    """A first line that is an object is certain when others follow; a brace at the start or the name is a good hint.

    >>> sniff(b'{"text": "hi"}\\n{}', "tickets.txt"), sniff(b'{"text": "hi"}', "a.txt"), sniff(b"text,label", "a.txt")
    (1.0, 0.95, 0.0)
    """
    first, _, rest = head.lstrip().partition(b"\n")
    named = 0.93 * name.lower().endswith(SUFFIXES)
    if not first.startswith(b"{"):
        return named
    if len(first) > HEAD_BYTES // 2 or too_deep_at(first.decode(errors="replace")):
        return max(named, 0.5)
    try:
        json.loads(first)
    except ValueError:
        return max(named, 0.4)
    return CERTAIN if rest.strip() else 0.95


def look(path: Path, options: Source) -> Found:
    """Return the keys of the first object and a sentence that names them."""
    read_head(path)
    columns = next((tuple(cells) for _, cells in read(path, options, None) if cells), ())
    return Found(columns, say(path, "JSON Lines", columns))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the objects of a JSON Lines file in flat memory; numbers keep their spelling, null is an empty text.

    Raises DataError with file, line and column for a line that is not one JSON object, NaN and infinities, a key that
    stands twice, nesting below 32 levels, a missing key, a list or object in a wanted column that is not in `nested`,
    half a surrogate pair, and what `lines` refuses.
    """
    decode, spell = DECODER.raw_decode, spellings(wanted or (), nested)
    for line, text in enumerate(lines(path), 1):
        # The short way is for lines that are as they should be; `_parse` takes the others, and says what is wrong.
        record = None
        if text[0] == "{" and text.count("{") + text.count("[") <= MAX_DEPTH:
            try:
                record, end = decode(text)
            except ValueError:
                pass
            else:
                record = record if text[end:] in _LINE_ENDS and len(record) <= MAX_COLUMNS else None
        elif text.isspace():
            yield line, {}
            continue
        if record is None:
            record = _parse(text, path, line)
        if wanted is None:
            cells = {key: value if type(value) is str else plain(value) for key, value in record.items()}
        else:
            try:
                cells = {key: value if type(value := record[key]) is str else spell[key](value) for key in wanted}
            except (KeyError, NoText):
                raise misfit(record, wanted, nested, path, line) from None
        if "\\u" in text:
            refuse_false_characters(record, cells, path, line)
        yield line, cells


def _parse(text: str, path: Path, line: int) -> dict[str, Any]:
    """Decode a line the slower way, which allows for white space and says what is wrong."""
    if place := too_deep_at(text):
        raise too_deep(path, line, place)
    try:
        record = DECODER.decode(text)
    except (NotFinite, Twice) as error:
        key, place = not_finite_at(text)
        raise ambiguous(error, path, line, key or place) from error
    except json.JSONDecodeError as error:
        whole = line == 1 and text.lstrip()[:1] in ("{", "[")
        remedy = "One pretty-printed document is not JSON Lines: set format: json." if whole else ""
        message = f"this is not JSON: {error.msg}."
        column = min(error.pos, len(text.rstrip())) + 1
        remedy = remedy or "Mend or remove the line."
        raise DataError(message, file=str(path), line=line, column=column, remedy=remedy) from error
    return check_record(record, path, line)


READER = Reader("jsonl", sniff, look, read, SUFFIXES, uniform=False)
