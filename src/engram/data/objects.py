"""JSON objects as rows: decoded without loss, refused where they are ambiguous, spelled as cells of text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, NoReturn

from engram.data.reader import MAX_COLUMNS, check_columns, no_text
from engram.errors import DataError

MAX_DEPTH = 32
_TOKENS = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*+")(?P<key>\s*:)?|[\[{]|[\]}]|-?(?:NaN|Infinity)')


class Number(str):
    """A number as it was written: 1e3 stays 1e3."""


class NotFinite(ValueError):
    """NaN or an infinity, which JSON does not have."""


class Twice(ValueError):
    """A key that stands twice in one object."""


class NoText(ValueError):
    """A list or an object where a text is due."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        keys = [key for key, _ in pairs]
        raise Twice(next(key for key in keys if keys.count(key) > 1))
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise NotFinite(name)


# Numbers stay as they are written; what JSON does not have and keys that stand twice raise.
DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=Number, parse_float=Number
)


def spellings(wanted: Sequence[str], nested: Collection[str]) -> dict[str, Callable[[Any], str]]:
    """Return for each wanted column how its values become cells; those of `nested` may be lists and objects."""
    return {name: plain if name in nested else _scalar for name in wanted}


def misfit(
    record: Mapping[str, Any], wanted: Sequence[str], nested: Collection[str], path: Path, line: int
) -> DataError:
    """Say which wanted column an object lacks, or holds a list or an object in where a text is due."""
    try:
        check_columns(tuple(record), wanted, path, line)
    except DataError as error:
        return error
    column = next(key for key in wanted if key not in nested and isinstance(record[key], dict | list))
    return no_text(kind(record[column]), path, line, column)


def _scalar(value: Any) -> str:
    if isinstance(value, dict | list):
        raise NoText
    return plain(value)


def plain(value: Any) -> str:
    """Spell a value as a cell: null is empty, scalars are JSON without quotes, lists and objects compact JSON.

    >>> plain(["a", {"b": Number("1e3")}]), plain(None), plain(True)
    ('["a",{"b":1e3}]', '', 'true')
    """
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else _spell(value)


def _spell(value: Any) -> str:
    # The encoder of the standard library would write a number anew, and not as it was spelled.
    if type(value) is str:
        return encode_basestring(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{encode_basestring(key)}:{_spell(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_spell, value)) + "]"
    if value is None:
        return "null"
    return str(value) if isinstance(value, Number) else "true" if value else "false"


def kind(value: Any) -> str:
    """Say what a decoded value is.

    >>> kind([]), kind(Number("1"))
    ('a list', 'a number')
    """
    kinds = {dict: "an object", list: "a list", bool: "true or false", Number: "a number", str: "a text"}
    return kinds.get(type(value), "null")


def too_deep_at(text: str) -> int:
    """Return the place, from 1, of the bracket outside strings that opens the 33rd level; 0 if none does.

    >>> too_deep_at('{"a": ' + "[" * 32)
    38
    """
    level = 0
    for token in _TOKENS.finditer(text):
        if token.group() in "[{":
            level += 1
            if level > MAX_DEPTH:
                return token.start() + 1
        elif token.group() in "]}":
            level -= 1
    return 0


def not_finite_at(text: str) -> tuple[str, int]:
    """Return the key, at the top of the object, whose value holds NaN or an infinity, and the latter's place from 1.

    >>> not_finite_at('{"a": [NaN]}')
    ('a', 8)
    """
    level, key = 0, ""
    for token in _TOKENS.finditer(text):
        word = token.group()
        if token["text"]:
            key = json.loads(token["text"], strict=False) if token["key"] and level == 1 else key
        elif word in "[{]}":
            level += 1 if word in "[{" else -1
        else:
            return key, token.start() + 1
    return "", 1


def ambiguous(error: NotFinite | Twice, path: Path, line: int, column: str | int) -> DataError:
    """Say what the decoder refused; `column` is where NaN or an infinity stands."""
    where: dict[str, Any] = {"file": str(path), "line": line}
    if isinstance(error, Twice):
        message = "the key stands twice in one object, so its value is not certain."
        return DataError(message, **where, column=str(error), remedy="Keep one of the two.")
    message = f"{error} is not JSON, and no text."
    return DataError(message, **where, column=column, remedy="Write null or a number.")


def too_deep(path: Path, line: int, column: int) -> DataError:
    """Say where an object nests too deeply."""
    message = f"the object nests more than {MAX_DEPTH} levels deep."
    return DataError(message, file=str(path), line=line, column=column, remedy="Write one flat object per row.")


def check_record(record: Any, path: Path, line: int, column: int = 1) -> dict[str, Any]:
    """Return a decoded value that is an object of bounded width; `column` is where it begins.

    Raises DataError for another value and for more than 4,096 keys.
    """
    where: dict[str, Any] = {"file": str(path), "line": line}
    if not isinstance(record, dict):
        message = f'expected one object like {{"text": …}}, received {kind(record)}.'
        raise DataError(message, **where, column=column, remedy="Write one object per row.")
    if len(record) > MAX_COLUMNS:
        message = f"the object has {len(record):,} keys; at most {MAX_COLUMNS:,} are read."
        raise DataError(message, **where, column=MAX_COLUMNS + 1, remedy="Keep the keys that are used.")
    return record


def refuse_false_characters(values: Mapping[str, Any], wanted: Iterable[str], path: Path, line: int) -> None:
    """Raise DataError for what an escape can spell and text can't hold: NUL and half of a surrogate pair."""
    for column in wanted:
        for value in _texts(values[column]):
            bad = next((at for at, character in enumerate(value) if _is_false(character)), -1)
            if bad >= 0:
                what = "NUL" if value[bad] == "\0" else "half of a surrogate pair"
                message = f"character {bad + 1} of the value is {what}, which text never holds."
                raise DataError(message, file=str(path), line=line, column=column, remedy="Write the character itself.")


def _is_false(character: str) -> bool:
    return character == "\0" or "\ud800" <= character < "\ue000"


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
