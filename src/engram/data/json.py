"""JSON: one document that is an array of objects, or an object that holds one, streamed object by object."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from engram.data.blocks import chunks, read_head
from engram.data.objects import NoText, check_record, misfit, plain, refuse_false_characters, spellings
from engram.data.reader import MAX_COLUMNS, Found, Reader, Rows, say
from engram.data.window import Window, expect, peek, unexpected, value, wrong
from engram.errors import DataError
from engram.schema.recipe import Source

SUFFIXES = (".json",)
_ROWS = re.compile(rb'\[\s*(\{\s*["}]|\])')
_OBJECT = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*+"\s*:')
_HOLDER = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*+"\s*:\s*\[\s*\{')

# Where a row begins, whether it holds an escape of four digits, its object, and the key of the array that holds it.
Records = Iterator[tuple[int, bool, dict[str, Any], str]]


def sniff(head: bytes, name: str) -> float:
    """An array of objects, or one object over several lines; an object alone on a line may be either kind of JSON.

    >>> sniff(b'[{"a": 1}]', "a.txt"), sniff(b'{"data": [{"a": 1}]}', "a.txt"), sniff(b'{"a": 1}\\n{}', "a.json")
    (0.96, 0.96, 0.0)
    """
    text = head.lstrip()
    named = name.lower().endswith(SUFFIXES)
    if text.startswith(b"["):
        return 0.96 if _ROWS.match(text) else 0.9 if named else 0.35
    if not text.startswith(b"{"):
        return 0.9 * named
    first, _, rest = text.partition(b"\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return 0.92 if named or _HOLDER.match(text) else 0.7 if _OBJECT.match(text) else 0.35
    if rest.strip():
        return 0.0
    return 0.96 if _HOLDER.match(text) else 0.5


def look(path: Path, options: Source) -> Found:
    """Return the keys of the first object, and a sentence that says which array the rows are."""
    read_head(path)
    first = next(_records(Window(path, chunks(path))), None)
    columns = tuple(first[2]) if first else ()
    where = f"the array {first[3]!r}" if first and first[3] else "an array"
    return Found(columns, say(path, f"JSON, {where}, one row for each object", columns))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the objects of a JSON document in flat memory; numbers keep their spelling, null is an empty text.

    Raises DataError with file, line and column for what is not JSON, a document without an array of objects or with
    two of them, an array that holds something else, an object above 1 MiB, and what the reader of JSON Lines refuses.
    """
    spell = spellings(wanted or (), nested)
    for line, escaped, record, _ in _records(Window(path, chunks(path))):
        try:
            if wanted is None:
                cells = {key: plain(item) for key, item in record.items()}
            else:
                cells = {key: spell[key](record[key]) for key in spell}
        except (KeyError, NoText):
            raise misfit(record, wanted or (), nested, path, line) from None
        if escaped:
            refuse_false_characters(record, cells, path, line)
        yield line, cells


def _records(window: Window) -> Records:
    begins = peek(window)
    if begins == "[":
        expect(window, "[")
        yield from _objects(window, "")
    elif begins == "{":
        yield from _members(window)
    else:
        raise unexpected(window, 'a document like [{"text": …}] or {"data": [{"text": …}]}')
    if peek(window):
        raise unexpected(window, "the end of the document", "For one object on each line set format: jsonl.")


def _members(window: Window) -> Records:
    """Go over the members of the top object; the rows are the one array of objects among them."""
    keys: list[str] = []
    holder: str | None = None
    expect(window, "{")
    while peek(window) != "}" or keys:
        if peek(window) != '"':
            raise unexpected(window, "a key in quotation marks")
        key = value(window)
        if key in keys or len(keys) == MAX_COLUMNS:
            what = "stands twice" if key in keys else f"is one of more than {MAX_COLUMNS:,}"
            raise wrong(window, f"the key {key!r} at the top of the document {what}.", "Keep the one with the rows.")
        keys.append(key)
        expect(window, ":")
        if peek(window) != "[":
            value(window)
        else:
            expect(window, "[")
            if peek(window) != "{":
                _pass_over(window)
            elif holder is None:
                holder = key
                yield from _objects(window, key)
            else:
                told = f"there are two arrays of objects, {holder!r} and {key!r}, and only one can be the rows."
                raise wrong(window, told, "Keep one of them in the file.")
        if peek(window) == "}":
            break
        expect(window, ",")
    expect(window, "}")
    if holder is None:
        told = "the document is one object that holds no array of objects, and so no rows."
        raise DataError(told, file=str(window.path), line=1, column=1, remedy='Write [{"text": …}, …].')


def _objects(window: Window, key: str) -> Records:
    """Yield the rows of an array whose bracket was passed, and pass its end."""
    more = peek(window) != "]"
    while more:
        if peek(window) != "{":
            raise unexpected(window, 'an object like {"text": …}')
        line, column = window.line, window.column
        record = check_record(value(window), window.path, line, column)
        yield line, window.escaped, record, key
        more = peek(window) == ","
        if more:
            expect(window, ",")
    expect(window, "]")


def _pass_over(window: Window) -> None:
    """Pass to the end of an array of something else whose bracket was passed."""
    more = peek(window) != "]"
    while more:
        value(window)
        more = peek(window) == ","
        if more:
            expect(window, ",")
    expect(window, "]")


READER = Reader("json", sniff, look, read, SUFFIXES, uniform=False)
