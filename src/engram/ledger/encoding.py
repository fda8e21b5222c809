"""Base64 and JSON with one spelling only, so that no byte of a signed file can change unseen."""

from __future__ import annotations

import base64
import json
from typing import Any

from engram.files import canonical_json


def to_base64(content: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(content).decode("ascii")


def from_base64(text: str) -> bytes:
    """Decode standard base64 in its one canonical spelling.

    Raises ValueError for anything else: other alphabets, blanks, missing padding, stray bits.

    >>> from_base64("AA==")
    b'\\x00'
    >>> from_base64("AB==")
    Traceback (most recent call last):
    ValueError: 'AB==' is not canonical base64
    """
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        content = b""
    if to_base64(content) != text:
        raise ValueError(f"{text[:60]!r} is not canonical base64")
    return content


def from_canonical_json(content: bytes) -> Any:
    """Decode JSON whose bytes are exactly what `canonical_json` writes.

    Raises ValueError otherwise.

    >>> from_canonical_json(b'{"a":1}')
    {'a': 1}
    >>> from_canonical_json(b'{"a": 1}')
    Traceback (most recent call last):
    ValueError: the JSON is not in its canonical form
    """
    try:
        value = json.loads(content)
        same = canonical_json(value) == content
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    if not same:
        raise ValueError("the JSON is not in its canonical form")
    return value
