"""What a model reads aloud: a text in the form that it knows, and how much of it had to be left out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# What texts are brought to; all of it is spoken or is a pause.
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MARKS = "'.,!?;:-"
ALPHABET = frozenset(LETTERS + MARKS + " ")
# What a keyboard has several of, by code point: quotes, dashes, an ellipsis, and a hyphen that isn't shown.
_SAME = {
    **dict.fromkeys((0x2018, 0x2019), "'"),
    **dict.fromkeys((0x201C, 0x201D), " "),
    **dict.fromkeys((0x2013, 0x2014), "-"),
    0x2026: ".",
    0x00AD: "",
}
_NUMBER = re.compile(r"\d[\d,]*\d|\d")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
_SPACES = re.compile(r"\s+")
_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_LARGE = ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
MOST_SAID = 999_999_999


@dataclass(frozen=True)
class Said:
    """A text as it is spoken. dropped: characters that no voice here can say; whole: those that there were."""

    text: str
    dropped: int
    whole: int


def normalised(text: str) -> Said:
    """Return a text in lower case without anything but letters, marks and spaces, its numbers as English words.

    NFKC; accents are taken off, which counts as nothing left out. A number of more than nine digits, or one with a
    leading zero, is said digit by digit.

    >>> normalised("No. 42, Café!  10€").text, normalised("7").text, normalised("007").text
    ('no. forty two, cafe! ten', 'seven', 'zero zero seven')
    >>> normalised("10€").dropped
    1
    """
    plain = unicodedata.normalize("NFKC", text).translate(_SAME).lower()
    spelt = _NUMBER.sub(lambda found: f" {in_words(found.group())} ", plain)
    bare = "".join(c for c in unicodedata.normalize("NFD", spelt) if not unicodedata.combining(c))
    spaced = _SPACES.sub(" ", bare)
    kept = "".join(c for c in spaced if c in ALPHABET)
    clean = _SPACES.sub(" ", re.sub(r" (?=[.,!?;:])", "", kept)).strip()
    said = clean if any(c in LETTERS for c in clean) else ""
    return Said(said, len(spaced) - len(kept), len(spaced.strip()))


def words(text: str) -> str:
    """Return the words of a text as they are compared with what a judge heard: without marks.

    >>> words("Forty-two, please!")
    'forty two please'
    """
    said = normalised(text).text.replace("-", " ")
    return " ".join("".join(c for c in said if c in LETTERS or c in " '").split())


def in_words(number: str) -> str:
    """Return digits, perhaps with commas between thousands, as English words.

    >>> in_words("1,234"), in_words("20"), in_words("1,2")
    ('one thousand two hundred thirty four', 'twenty', 'one, two')
    """
    if "," in number and not _GROUPED.fullmatch(number):
        return ", ".join(in_words(part) for part in number.split(",") if part)
    digits = number.replace(",", "")
    if len(digits) > 1 and (digits[0] == "0" or int(digits) > MOST_SAID):
        return " ".join(_SMALL[int(digit)] for digit in digits)
    return _cardinal(int(digits))


def _cardinal(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    if number < 100:
        ten, rest = divmod(number, 10)
        return _TENS[ten - 2] + (f" {_SMALL[rest]}" if rest else "")
    size, name = next(one for one in _LARGE if number >= one[0])
    many, rest = divmod(number, size)
    return f"{_cardinal(many)} {name}" + (f" {_cardinal(rest)}" if rest else "")
