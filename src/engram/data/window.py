"""A JSON document read piece by piece: only the value at hand is in memory, and every place has its line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.data.blocks import LINE_LIMIT_BYTES
from engram.data.objects import DECODER, MAX_DEPTH, NotFinite, Twice, ambiguous, not_finite_at, too_deep, too_deep_at
from engram.errors import DataError

_SPACE = re.compile(r"[ \t\r\n]*")
# No token but a text is longer than -Infinity and two escapes of four digits, so an error further from the end of what
# is in memory stays one, whatever follows.
_TOKEN_CHARACTERS = 16
_WORD = re.compile(r"[^\W\d]{1,20}")
_BEGINS = {'"': "a text", "[": "a list", "{": "an object"}


@dataclass
class Window:
    """The part of a document that is in memory, and the place in it that is read next: line and column, from 1.

    source: the pieces of the document. at: index into `text`. escaped: the last value held an escape of four digits.
    """

    path: Path
    source: Iterator[str]
    text: str = ""
    at: int = 0
    line: int = 1
    column: int = 1
    escaped: bool = False
    held: str = ""


def peek(window: Window) -> str:
    """Pass over white space and return the next character, or an empty text at the end of the document."""
    while True:
        end = _SPACE.match(window.text, window.at).end()  # type: ignore[union-attr]
        if end > window.at:
            _move(window, end)
        if end < len(window.text):
            return window.text[end]
        if not _more(window):
            return ""


def expect(window: Window, mark: str) -> None:
    """Pass over one of the marks of JSON; raises DataError when another character stands there."""
    if peek(window) != mark:
        raise unexpected(window, repr(mark))
    _move(window, window.at + 1)


def value(window: Window) -> Any:
    """Decode the value that comes next.

    Raises DataError for what is not JSON, NaN and infinities, a key that stands twice, nesting below 32 levels, a value
    above 1 MiB and a document that ends too soon.
    """
    peek(window)
    while True:
        text, begin = window.text, window.at
        try:
            decoded, end = DECODER.raw_decode(text, begin)
        except (NotFinite, Twice) as error:
            key, place = not_finite_at(text[begin:])
            line, column = _place(window, begin + place - 1)
            line = line if isinstance(error, NotFinite) else window.line
            raise ambiguous(error, window.path, line, key or column) from error
        except RecursionError as error:
            raise _too_deep(window, text[begin:]) from error
        except json.JSONDecodeError as error:
            cut = error.msg.startswith("Unterminated string") or error.pos >= len(text) - _TOKEN_CHARACTERS
            if cut and len(text) - begin > LINE_LIMIT_BYTES:
                raise _too_long(window) from error
            if not cut or not _more(window):
                raise _malformed(window, error) from error
            continue
        # A number near the end may go on, after a point or an exponent too.
        if end > len(text) - _TOKEN_CHARACTERS and text[begin] not in '"{[' and _more(window):
            continue
        if end - begin > LINE_LIMIT_BYTES:
            raise _too_long(window)
        if text.count("{", begin, end) + text.count("[", begin, end) > MAX_DEPTH and too_deep_at(text[begin:end]):
            raise _too_deep(window, text[begin:end])
        window.escaped = text.find("\\u", begin, end) >= 0
        _move(window, end)
        return decoded


def unexpected(window: Window, expected: str, remedy: str = "") -> DataError:
    """Say what was expected at this place, and what stands there."""
    found = peek(window)
    if not found:
        return wrong(window, f"expected {expected}, received the end of the document.", "Is the file whole?")
    word = _WORD.match(window.text, window.at)
    number = "a number" if found in "-0123456789" else repr(word[0] if word else found)
    return wrong(window, f"expected {expected}, received {_BEGINS.get(found, number)}.", remedy)


def wrong(window: Window, message: str, remedy: str = "") -> DataError:
    """Say what is wrong at this place."""
    return DataError(message, file=str(window.path), line=window.line, column=window.column, remedy=remedy)


def _more(window: Window) -> bool:
    """Read on, and forget what was passed; False at the end of the document."""
    fresh = next(window.source, "")
    if not fresh and not window.held:
        return False
    # A carriage return at the very end may be the first half of a line end, which counts once.
    whole = window.held + fresh
    window.held = "\r" if fresh and whole.endswith("\r") else ""
    window.text = window.text[window.at :] + whole.removesuffix(window.held)
    window.at = 0
    return True


def _move(window: Window, end: int) -> None:
    window.line, window.column = _place(window, end)
    window.at = end


def _place(window: Window, at: int) -> tuple[int, int]:
    """Return the line and the column of an index into the text that is not before the window's own place."""
    text, begin = window.text, window.at
    breaks = text.count("\n", begin, at) + text.count("\r", begin, at) - text.count("\r\n", begin, at)
    if not breaks:
        return window.line, window.column + at - begin
    return window.line + breaks, at - max(text.rfind("\n", begin, at), text.rfind("\r", begin, at))


def _malformed(window: Window, error: json.JSONDecodeError) -> DataError:
    if error.pos >= len(window.text.rstrip()) or error.msg.startswith("Unterminated string"):
        return wrong(window, "the document ends inside the value that begins here.", "Is the file whole?")
    line, column = _place(window, error.pos)
    message = f"this is not JSON: {error.msg}."
    return DataError(message, file=str(window.path), line=line, column=column, remedy="Mend or remove the value.")


def _too_deep(window: Window, text: str) -> DataError:
    line, column = _place(window, window.at + max(1, too_deep_at(text)) - 1)
    return too_deep(window.path, line, column)


def _too_long(window: Window) -> DataError:
    message = f"the value that begins here is longer than {LINE_LIMIT_BYTES >> 20} MiB, the most that one row may be."
    return wrong(window, message, "Split the row.")
