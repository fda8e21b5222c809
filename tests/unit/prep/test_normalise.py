"""The prep step `normalise`."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.prep.normalise import STEP, normalise


@given(st.text())
def test_twice_is_once(text):
    assert normalise(normalise(text)) == normalise(text)


@given(st.text())
def test_the_result_is_nfc_without_control_characters_or_double_spaces(text):
    got = normalise(text)
    assert unicodedata.is_normalized("NFC", got)
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in got)
    assert not any(a.isspace() and b.isspace() for a, b in pairwise(got))
    assert got == got.strip()


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_plain_words_stay_as_they_are(text):
    assert normalise(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("he\u200dllo\u200b wor\ufeffld", "hello world"),
        ("bell\x07 and escape\x1b[31m", "bell and escape[31m"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("a \t b  c\x0c\nd", "a\tb c\nd"),
        ("👩\u200d💻 می\u200cروم", "👩\u200d💻 می\u200cروم"),
        ("e\u200b\u0301", "é"),
        ("\u212a\u200d\u212a", "KK"),
        ("  two  spaces  ", "two spaces"),
        ("\x00\u200b", ""),
    ],
)
def test_known_cases(text, expected):
    assert normalise(text) == expected


def test_the_step_names_its_version():
    assert (STEP.name, STEP.version, STEP.apply) == ("normalise", "1", normalise)
