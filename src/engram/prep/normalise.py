"""One spelling for one text: Unicode NFC, no control characters, no zero-width tricks, single spaces."""

from __future__ import annotations

import re
import unicodedata

from engram.prep.step import Step

# Control characters that are not white space; carriage return and its kin are white space and handled there.
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_ZERO_WIDTH = re.compile("[\u200b\u2060\ufeff]")
# Joiners carry meaning in Persian, Indic scripts and emoji, so they stay between two characters beyond ASCII.
_IDLE_JOINER = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
_SPACES = re.compile(r"\s+")
_LINE_ENDS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")


def normalise(text: str) -> str:
    r"""Return the text in one agreed spelling; idempotent.

    Unicode NFC (UAX #15); control characters and zero-width characters go; a run of white space becomes one newline
    if it holds a line end, else one tab if it holds a tab, else one space; none is left at either end.

    >>> normalise("  cafe\u0301 \u200b is\x00  open\r\n\r\n now ")
    'café is open\nnow'
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # most rows: nothing to do, told five times as fast
    text = unicodedata.normalize("NFC", text)
    bare = _IDLE_JOINER.sub("", _ZERO_WIDTH.sub("", _CONTROLS.sub("", text)))
    # Taking characters out can bring a letter and its accent together, which is no longer NFC.
    return _SPACES.sub(_one_space, unicodedata.normalize("NFC", bare)).strip()


def _one_space(run: re.Match[str]) -> str:
    spaces = run.group()
    if not _LINE_ENDS.isdisjoint(spaces):
        return "\n"
    return "\t" if "\t" in spaces else " "


STEP = Step("normalise", "1", normalise)
