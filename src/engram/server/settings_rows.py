"""How a setting is described and checked: a whole number between bounds, a list of texts, or a block of keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engram.errors import UsageError

MOST_TEXTS, MOST_CHARACTERS = 200, 300


@dataclass(frozen=True)
class Row:
    """One setting. read: returns the value that is kept, or raises UsageError; shape: its type and bounds, to show."""

    name: str
    default: Any
    help: str
    read: Callable[[Any], Any]
    shape: Mapping[str, Any]


def whole(name: str, default: int, least: int, most: int, unit: str, help: str) -> Row:
    """Describe a whole number.

    >>> whole("a.b", 5, 1, 9, "tokens", "").read(12)
    Traceback (most recent call last):
    engram.errors.UsageError: The setting 'a.b' is a whole number from 1 to 9 (tokens), not 12. For example: 5
    """

    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise UsageError(
                f"The setting {name!r} is a whole number from {least} to {most} ({unit}), not {str(value)[:80]}.",
                remedy=f"For example: {default}",
            )
        return value

    return Row(name, default, help, read, {"type": "integer", "least": least, "most": most, "unit": unit})


def texts(name: str, default: tuple[str, ...], pattern: str, example: str, help: str, *, most: int = MOST_TEXTS) -> Row:
    """Describe a list of texts of one shape; `most` 0 is a list that stays empty."""
    shaped = re.compile(pattern)

    def read(value: Any) -> list[str]:
        wrong = value if not isinstance(value, list | tuple) else None
        if wrong is None:
            unshaped = (one for one in value if not isinstance(one, str) or not shaped.fullmatch(one))
            wrong = next(unshaped, None) if len(value) <= most else f"{len(value)} of them"
        if wrong is not None:
            what = f"a list of at most {most} texts" if most else "a list that stays empty"
            raise UsageError(
                f"The setting {name!r} is {what}, not {str(wrong)[:80]!r}. {help}",
                remedy=f'For example: ["{example}"]' if most else "[]",
            )
        return list(value)

    shape = {"type": "list", "pattern": pattern, "most": most, "example": example}
    return Row(name, list(default), help, read, shape)


def block(name: str, default: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Any], help: str) -> Row:
    """Describe a block of keys; `read` gets a block and raises UsageError for what is wrong in it."""

    def checked(value: Any) -> Any:
        if not isinstance(value, dict) or len(value) > MOST_TEXTS or not all(isinstance(key, str) for key in value):
            raise UsageError(f"The setting {name!r} is a block of keys, not {str(value)[:80]!r}.", remedy="Send { }.")
        return read(value)

    return Row(name, dict(default), help, checked, {"type": "block"})


def text(name: str, default: str, read: Callable[[str], str], help: str) -> Row:
    """Describe a short text; `read` raises UsageError for one that means nothing."""

    def checked(value: Any) -> str:
        if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
            raise UsageError(f"The setting {name!r} is a text, not {str(value)[:80]!r}.", remedy=f"{default!r}")
        return read(value)

    return Row(name, default, help, checked, {"type": "text"})
