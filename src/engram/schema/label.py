"""Names that people give to what they bring: labels to be shown, never places on a disk."""

from __future__ import annotations

import re

MOST_CHARACTERS = 200
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What leads elsewhere when somebody takes a name for a path or an address, plain or escaped.
_LEADING = '/\\%#?:*"<>|'


def label_fault(text: str) -> str:
    r"""Return what is wrong with a name, in words, or an empty text.

    Control and bidi characters, path separators and escapes of them are refused, and names that begin with a dot.

    >>> label_fault("tickets 2026.csv"), label_fault("../etc/passwd"), label_fault("a\u202eb")
    ('', "it holds '/'", 'it holds characters that do not print')
    >>> label_fault("..")
    'it begins with a dot'
    """
    if not text.strip() or text != text.strip():
        return "it is empty, or begins or ends with a blank"
    if len(text) > MOST_CHARACTERS:
        return f"it has {len(text)} characters, and at most {MOST_CHARACTERS} are allowed"
    if not text.isprintable():
        return "it holds characters that do not print"
    for char in text:
        if char in _LEADING:
            return f"it holds {char!r}"
    return "it begins with a dot" if text.startswith(".") else ""


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest, ``sha256:`` and 64 hex digits.

    >>> is_digest("sha256:" + "0" * 64), is_digest("tickets")
    (True, False)
    """
    return _DIGEST.fullmatch(text) is not None
