"""Dataclass to plain dict and back; strict on the way in, so that a typo can never be a silent default.

A record that people write in a shape of its own says so itself: ``to_plain()`` returns that shape, and the class method
``from_plain(value, path)`` reads it.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from engram.errors import UsageError, did_you_mean

T = TypeVar("T")
Path = tuple[str | int, ...]
PLAIN = frozenset({str, int, bool})  # a value of exactly its type needs no other look; events come by the thousand


class FieldProblem(UsageError):
    """A value does not fit its field; `path` says which, so that a reader of files can add the line."""

    def __init__(self, path: Path, message: str, *, remedy: str = "", at_key: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.path = path
        self.at_key = at_key


def to_dict(record: Any) -> Any:
    """Turn a record into plain dicts, lists, strings and numbers.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Point:
    ...     x: int
    ...     tags: tuple[str, ...] = ()
    >>> to_dict(Point(1, ("a",)))
    {'x': 1, 'tags': ['a']}
    """
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        if hasattr(record, "to_plain"):
            return to_dict(record.to_plain())
        return {field.name: to_dict(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, Mapping):
        return {str(key): to_dict(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [to_dict(value) for value in record]
    return record


def from_dict(cls: type[T], value: Any, path: Path = ()) -> T:
    """Build a record from plain data.

    Raises FieldProblem for an unknown or missing key and for a value of the wrong type.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Point:
    ...     x: int
    >>> from_dict(Point, {"x": "1"})
    Traceback (most recent call last):
    engram.schema.codec.FieldProblem: 'x' must be a whole number, not the text '1'.
    """
    if hasattr(cls, "from_plain"):
        return typing.cast(T, cls.from_plain(value, path))  # type: ignore[attr-defined]
    if not isinstance(value, Mapping):
        raise FieldProblem(path, f"{_name(path)} must be a block of keys, not {_say(value)}.")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    hints = _hints(typing.cast(typing.Hashable, cls))
    for key in value:
        if key not in fields:
            inside = f" in {_name(path)}" if path else ""
            raise FieldProblem(
                (*path, key),
                f"unknown key {str(key)!r}{inside}. Known keys: {', '.join(fields)}.",
                remedy=did_you_mean(str(key), fields),
                at_key=True,
            )
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if name in value:
            given[name] = convert(hints[name], value[name], (*path, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise FieldProblem(path, f"the key {name!r} is missing{' in ' + _name(path) if path else ''}.")
    return cls(**given)


def convert(hint: Any, value: Any, path: Path) -> Any:
    """Fit a plain value to a type hint (str, int, float, bool, Literal, unions, tuples, mappings, records)."""
    if hint is Any or (type(value) is hint and hint in PLAIN):
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, path)
    if origin is typing.Literal:
        if value in arguments:
            return value
        raise FieldProblem(
            path,
            f"{_name(path)} must be one of {', '.join(map(str, arguments))}, not {_say(value)}.",
            remedy=did_you_mean(str(value), map(str, arguments)),
        )
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise FieldProblem(path, f"{_name(path)} must be a list, not {_say(value)}.")
        return tuple(convert(arguments[0], item, (*path, i)) for i, item in enumerate(value))
    if origin in (dict, Mapping) or hint is dict:
        if not isinstance(value, Mapping):
            raise FieldProblem(path, f"{_name(path)} must be a block of keys, not {_say(value)}.")
        item = arguments[1] if arguments else Any
        return {str(key): convert(item, entry, (*path, str(key))) for key, entry in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, path)
    return _convert_scalar(hint, value, path)


def _convert_union(arguments: tuple[Any, ...], value: Any, path: Path) -> Any:
    if value is None and type(None) in arguments:
        return None
    options = [option for option in arguments if option is not type(None)]
    shapes = [option for option in options if _accepts(option, value)]
    if len(shapes) >= 1:
        return convert(shapes[0], value, path)
    if len(options) == 1:
        return convert(options[0], value, path)
    raise FieldProblem(path, f"{_name(path)} must be {' or '.join(map(_want, options))}, not {_say(value)}.")


def _accepts(hint: Any, value: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin is tuple:
        return isinstance(value, list | tuple)
    if origin in (dict, Mapping) or dataclasses.is_dataclass(hint):
        return isinstance(value, Mapping)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(hint, type) and isinstance(value, hint)


def _convert_scalar(hint: Any, value: Any, path: Path) -> Any:
    if not _accepts(hint, value):
        remedy = "Write 1.0e-4, not 1e-4: YAML takes the latter for text." if _looks_like_number(hint, value) else ""
        raise FieldProblem(path, f"{_name(path)} must be {_want(hint)}, not {_say(value)}.", remedy=remedy)
    return float(value) if hint is float else value


def _looks_like_number(hint: Any, value: Any) -> bool:
    if hint is not float or not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return "e" in value.lower()


@cache
def _hints(cls: typing.Hashable) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _name(path: Path) -> str:
    return repr(".".join(str(part) for part in path)) if path else "the file"


def _want(hint: Any) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    if hint in words:
        return words[hint]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return "a list"
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    return "a block of keys"


def _say(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    return f"the number {value!r}"
