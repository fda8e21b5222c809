"""The views of a text that patterns look at: what it says when every disguise that we know is taken off.

Each view is made in linear time and is at most a small multiple of the text. One thing needs care: NFKC is quadratic in
the length of a run of combining marks, so runs are cut at 30 before (the limit of UAX #15's stream-safe format).
"""

from __future__ import annotations

import re
import unicodedata

from engram.security.filters.lookalikes import LEET, LOOKALIKES

MAX_MARKS = 30
FEW = 3  # a word that is cut apart is at least so many short tokens

# Format characters (Cf: zero-width, bidi, soft hyphen, tags), variation selectors, fillers, the grapheme joiner.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_BETWEEN = re.compile(r"(?<=[^\W_])(?:[^\w\s]|_){1,2}(?=[^\W_])")
_TOKEN = re.compile(r"[^\W_]+|(?:\W|_)+")


def clean(text: str) -> str:
    """Return a text in NFKC without invisible characters, unpaired surrogates and endless marks; case stays.

    >>> clean("b\\u200ba\\u202e\\u00add \N{FULLWIDTH LATIN SMALL LETTER A}")
    'bad a'
    """
    if text.isascii():
        return text
    whole = text.encode("utf-8", "replace").decode()
    return INVISIBLE.sub("", unicodedata.normalize("NFKC", _few_marks(INVISIBLE.sub("", whole))))


def views(cleaned: str) -> tuple[str, ...]:
    """Return the ways to read a cleaned text: as it is, with look-alikes folded, joined, and with leet undone.

    >>> views("B.a d s-t-u-f-f")
    ('b.a d s-t-u-f-f', 'ba d stuff')
    >>> views("h e l l o w0r1d")[1:]
    ('hello w0r1d', 'hello worid')
    """
    plain = cleaned.casefold()
    folded = fold(plain)
    letters = folded.translate(LEET)
    joined = (join_split(text, short) for text in dict.fromkeys((folded, letters)) for short in (1, 2))
    return tuple(dict.fromkeys((plain, folded, *joined)))


def fold(plain: str) -> str:
    """Return a text with look-alikes as the Latin letters they look like, and letters without their marks.

    >>> fold("раураl ñ")
    'paypal n'
    """
    if plain.isascii():
        return plain
    split = unicodedata.normalize("NFD", plain.translate(LOOKALIKES))
    bare = "".join(char for char in split if not unicodedata.category(char).startswith("M"))
    return bare.translate(LOOKALIKES)


def join_split(text: str, short: int) -> str:
    """Return a text whose words are no longer cut apart: three or more tokens of at most `short` characters are joined.

    >>> join_split("this is b a d", 1), join_split("ba dw or d", 2), join_split("b.a.d", 1), join_split("it is", 2)
    ('this is bad', 'badword', 'bad', 'it is')
    """
    out: list[str] = []
    run: list[str] = []
    words = 0
    for token in _TOKEN.findall(_BETWEEN.sub("", text)):
        is_word = token[0].isalnum()
        if (is_word and len(token) <= short) or (not is_word and words and len(token) <= 3):
            run.append(token)
            words += is_word
            continue
        out += _joined(run, words)
        out.append(token)
        run, words = [], 0
    return "".join(out + _joined(run, words))


def _joined(run: list[str], words: int) -> list[str]:
    if words < FEW:
        return run
    end = [] if run[-1][0].isalnum() else [run[-1]]
    return [*(token for token in run if token[0].isalnum()), *end]


def _few_marks(text: str) -> str:
    """Cut runs of combining marks at 30; a reader sees no more of them either."""
    out: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= MAX_MARKS:
            out.append(char)
    return "".join(out)
