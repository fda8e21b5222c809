"""Texts inside texts: base64, with any alphabet, with line breaks, moved by a few characters, in several layers."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

MAX_DEPTH = 3
MAX_GROWTH = 4  # all layers together, as a multiple of the text; one honest layer is 3/4 of it
# One class, and line breaks inside; the classes share no character, so nothing backtracks.
_RUN = re.compile(r"[A-Za-z0-9+/_-]{8,}(?:\r?\n[A-Za-z0-9+/_-]+)*")
_READABLE = re.compile("[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]{6,}")
_TO_STANDARD = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Unwrapped:
    """The texts found inside another, and whether there was more than the limits let us open."""

    texts: tuple[str, ...]
    beyond_limits: bool


def unwrap(text: str) -> Unwrapped:
    """Return what base64 in a text says, layer by layer.

    >>> unwrap("see aGVsbG8gd29ybGQ=").texts
    ('hello world',)
    """
    found: list[str] = []
    layer, left = [text], MAX_GROWTH * len(text)
    for _ in range(MAX_DEPTH):
        layer = [inner for outer in layer for inner in _decode_all(outer)]
        left -= sum(map(len, layer))
        if left < 0:
            return Unwrapped(tuple(found), True)
        found += layer
    return Unwrapped(tuple(dict.fromkeys(found)), any(_decode_all(each) for each in layer))


def _decode_all(text: str) -> list[str]:
    found: list[str] = []
    for run in _RUN.findall(text):
        lines = run.split()
        # All lines together, and each alone: a word on the next line looks like more of it.
        for each in lines if len(lines) == 1 else ["".join(lines), *lines]:
            standard = each.translate(_TO_STANDARD)
            # A character before it would move everything, so each start is tried.
            found += (said for start in range(4) if (said := _decode(standard[start:])))
    return found


def _decode(run: str) -> str:
    """Return what is readable in a decoded run, piece by piece, as it stands between other bytes."""
    run = run[: len(run) - (len(run) % 4 == 1)]
    content = base64.b64decode(run + "=" * (-len(run) % 4))
    # UTF-16, as some shells write it, has a NUL in every other place.
    return " ".join(_READABLE.findall(content.replace(b"\0", b"").decode("utf-8", "replace")))
