"""JSON Lines: one JSON object (RFC 8259) on each line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from engram.data.blocks import HEAD_BYTES, lines, read_head
from engram.data.reader import MAX_COLUMNS, Found, Reader, Rows, check_columns, list_columns
from engram.errors import DataError
from engram.schema.recipe import Source

MAX_DEPTH = 32
_LINE_ENDS = ("\n", "\r\n", "")
_TOKENS = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*+")(?P<key>\s*:)?|[\[{]|[\]}]|-?(?:NaN|Infinity)')
_FALSE_CHARACTER = re.compile("[\\x00\\ud800-\\udfff]")


class _Number(str):
    """A number as it was written: 1e3 stays 1e3."""


class _NoText(ValueError):
    """A list or an object where a text is due."""


class _NotFinite(ValueError):
    """NaN or an infinity, which JSON does not have."""


class _Twice(ValueError):
    """A key that stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise _NotFinite(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_Number, parse_float=_Number
)


def sniff(head: bytes, name: str) -> float:
    """A first line that is an object is certain; a brace at the start or the file's name is a good hint.

    >>> sniff(b'{"text": "hi"}', "tickets.txt"), sniff(b"text,label", "tickets.txt")
    (1.0, 0.0)
    """
    first = head.lstrip().split(b"\n", 1)[0]
    named = name.lower().endswith((".jsonl", ".ndjson", ".json"))
    if named or not first.startswith(b"{"):
        return 0.9 if named else 0.4 * first.startswith(b"[")
    if len(first) > HEAD_BYTES // 2 or _too_deep_at(first.decode(errors="replace")):
        return 0.9
    try:
        json.loads(first)
    except ValueError:
        return 0.4
    return 1.0


def look(path: Path, options: Source) -> Found:
    """Return the keys of the first object and a sentence that names them."""
    read_head(path)
    columns = next((tuple(cells) for _, cells in read(path, options, None) if cells), ())
    plural = "s" * (len(columns) != 1)
    return Found(
        columns, f"read {path.name} as JSON Lines, {len(columns)} column{plural}: {list_columns(columns) or 'none'}"
    )


def read(path: Path, options: Source, wanted: Sequence[str] | None = None) -> Rows:
    """Stream the objects of a JSON Lines file in flat memory; numbers keep their spelling, null is an empty text.

    Raises DataError with file, line and column for a line that is not one JSON object, NaN and infinities, a key that
    stands twice, nesting below 32 levels, a missing key, a list or object in a wanted column, half a surrogate pair,
    and what `lines` refuses.
    """
    for line, text in enumerate(lines(path), 1):
        if text.isspace():
            yield line, {}
            continue
        record = _parse(text, path, line)
        if wanted is None:
            cells = {key: value if type(value) is str else _plain(value) for key, value in record.items()}
        else:
            try:
                cells = {key: value if type(value := record[key]) is str else _cell(value) for key in wanted}
            except (KeyError, _NoText):
                check_columns(tuple(record), wanted, path, line)
                raise _not_text(record, wanted, path, line) from None
        if "\\u" in text:
            _refuse_false_characters(cells, path, line)
        yield line, cells


def _parse(text: str, path: Path, line: int) -> dict[str, Any]:
    where: dict[str, Any] = {"file": str(path), "line": line}
    # The count of opening brackets bounds the nesting; only lines with many are looked at closely.
    if text.count("{") + text.count("[") > MAX_DEPTH and (place := _too_deep_at(text)):
        message = f"the object nests more than {MAX_DEPTH} levels deep."
        raise DataError(message, **where, column=place, remedy="Write one flat object per line.")
    try:
        record, end = _DECODER.raw_decode(text) if text[0] == "{" else (None, -1)
        if text[end:] not in _LINE_ENDS or end < 0:
            record = _DECODER.decode(text)  # the slower way, which allows for white space and says what is wrong
    except _NotFinite as error:
        message = f"{error} is not JSON, and no text."
        raise DataError(message, **where, column=_holder(text), remedy="Write null or a number.") from error
    except _Twice as error:
        message = "the key stands twice in one object, so its value is not certain."
        raise DataError(message, **where, column=str(error), remedy="Keep one of the two.") from error
    except json.JSONDecodeError as error:
        whole = line == 1 and text.lstrip()[:1] in ("{", "[")
        remedy = "Write one object per line; one pretty-printed document is not JSON Lines." if whole else ""
        message = f"this is not JSON: {error.msg}."
        column = min(error.pos, len(text.rstrip())) + 1
        raise DataError(message, **where, column=column, remedy=remedy or "Mend or remove the line.") from error
    if not isinstance(record, dict):
        message = f'expected one object like {{"text": …}}, received {_kind(record)}.'
        raise DataError(message, **where, column=1, remedy="Write one object per line.")
    if len(record) > MAX_COLUMNS:
        message = f"the object has {len(record):,} keys; at most {MAX_COLUMNS:,} are read."
        raise DataError(message, **where, column=MAX_COLUMNS + 1, remedy="Keep the keys that are used.")
    return record


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        raise _NoText
    return _plain(value)


def _not_text(record: dict[str, Any], wanted: Sequence[str], path: Path, line: int) -> DataError:
    column = next(key for key in wanted if isinstance(record[key], dict | list))
    message = f"expected a text or a number, received {_kind(record[column])}."
    return DataError(message, file=str(path), line=line, column=column, remedy="Write one value per row.")


def _plain(value: Any) -> str:
    """Spell a value as text: scalars as JSON without quotes, lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else _spell(value)


def _spell(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_spell(key)}: {_spell(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_spell, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", _Number: "a number", str: "a text"}
    return kinds.get(type(value), "null")


def _too_deep_at(text: str) -> int:
    """Return the place, from 1, of the bracket outside strings that opens the 33rd level; 0 if none does."""
    level = 0
    for token in _TOKENS.finditer(text):
        if token.group() in "[{":
            level += 1
            if level > MAX_DEPTH:
                return token.start() + 1
        elif token.group() in "]}":
            level -= 1
    return 0


def _holder(text: str) -> str | int:
    """Return the key, at the top of the object, whose value holds NaN or an infinity (else the place of the latter)."""
    level, key = 0, ""
    for token in _TOKENS.finditer(text):
        word = token.group()
        if token["text"]:
            key = json.loads(token["text"]) if token["key"] and level == 1 else key
        elif word in "[{]}":
            level += 1 if word in "[{" else -1
        else:
            return key or token.start() + 1
    return 1


def _refuse_false_characters(cells: dict[str, str], path: Path, line: int) -> None:
    """Refuse what an escape can spell and text can't hold: NUL and half of a surrogate pair."""
    for column, value in cells.items():
        bad = next(
            (at for at, character in enumerate(value) if character == "\0" or "\ud800" <= character < "\ue000"), -1
        )
        if bad >= 0:
            what = "NUL" if value[bad] == "\0" else "half of a surrogate pair"
            message = f"character {bad + 1} of the value is {what}, which text never holds."
            raise DataError(message, file=str(path), line=line, column=column, remedy="Write the character itself.")


READER = Reader("jsonl", sniff, look, read)
