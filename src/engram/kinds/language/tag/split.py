"""Text to words where no words are given: one rule, which keeps the place of every character."""

from __future__ import annotations

import re
import unicodedata

_URL = re.compile(r"""(?:https?://|www\.)\S*[^\s.,;:!?…)\]}"'»”’]""", re.IGNORECASE)
_JOINERS = "\u200c\u200d"
_SKIN = range(0x1F3FB, 0x1F400)
_KINDS = {"-": "j", ".": "j", "@": "h", "#": "h", ",": "c", ":": "c", "'": "q", "’": "q", "_": "a"}
# On kinds of characters: a letter, d digit, m mark, z joiner, j h c q as above, p anything else.
_RUN = r"(?:[ad][mz]*)+"
_WORD = re.compile(
    rf"h?{_RUN}(?:(?:[jh]|(?<=d)c(?=d)){_RUN})*"  # word, e-mail@address, #tag, two-part, 3.5, 10:30
    rf"|(?<=[adm])q{_RUN}"  # 's
    r"|[^ ][mz]*(?:(?<=z)[^ ][mz]*)*"  # a sign; signs joined into one emoji
)


def split(text: str) -> list[tuple[int, int]]:
    """Return begin and end of each word of a text, in order.

    White space parts words and belongs to none. A web address is one word. Otherwise a word is a run of letters and
    digits; a hyphen, a full stop or an @ between two of them belongs to it, as do a comma or colon between digits and a
    leading @ or #. An apostrophe that follows a letter begins a new word together with the letters behind it. Any
    other character is a word of its own. Combining marks stay with what they stand on, joined emoji together.

    >>> text = "Ana's train to St-Malo left at 10:30, see https://x.org/a!"
    >>> [text[begin:end] for begin, end in split(text)]
    ['Ana', "'s", 'train', 'to', 'St-Malo', 'left', 'at', '10:30', ',', 'see', 'https://x.org/a', '!']
    """
    found: list[tuple[int, int]] = []
    at = 0
    for url in _URL.finditer(text):
        found += _words(text, at, url.start())
        found.append(url.span())
        at = url.end()
    return found + _words(text, at, len(text))


def _words(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    kinds = "".join(map(_kind, text[begin:end]))
    return [(begin + match.start(), begin + match.end()) for match in _WORD.finditer(kinds)]


def _kind(character: str) -> str:
    if character.isspace():
        return " "
    if character.isalpha():
        return "a"
    if character.isdigit():
        return "d"
    if character in _JOINERS:
        return "z"
    if unicodedata.category(character)[0] == "M" or ord(character) in _SKIN:
        return "m"
    return "a" if character.isalnum() else _KINDS.get(character, "p")
