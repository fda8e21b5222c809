"""Texts to words and words to tokens, whatever is written in them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tagged

from engram.errors import UserError
from engram.kinds.language.load import open_tokenizer
from engram.kinds.language.tag.split import split
from engram.kinds.language.tag.words import split_words, wants_spaces

ODD = (
    "👍🏽",
    "👨\u200d👩\u200d👧",
    "e\u0301",
    "\u200b",
    "\ufe0f",
    "\u200d",
    "हिन्दी",
    "\ufdfa",
    "\u00a0",
    "[SEP]",
    "</s>",
    "▁",
    "Ġ",
    "\t",
)
WORDS = st.one_of(
    st.sampled_from([*ODD, "parcel", "porto", "New York"]),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6),
)
ROWS = st.lists(WORDS, max_size=9)
FEW = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module", params=tagged.FAMILIES)
def tokenizer(request, tmp_path_factory):
    return open_tokenizer(tagged.FAMILIES[request.param](tmp_path_factory.mktemp(request.param)))


def words_of(text: str) -> list[str]:
    return [text[begin:end] for begin, end in split(text)]


def test_words_become_the_tokens_that_running_text_becomes(tokenizer):
    for row in tagged.rows(40, seed=4):
        (pieces,) = split_words(tokenizer, [row.tokens])
        assert [*pieces.before, *pieces.ids, *pieces.after] == tokenizer(row.text)["input_ids"]


@pytest.mark.parametrize(
    ("family", "wanted"), [("encoder", False), ("t5", False), ("causal", True), ("gpt2", True), ("roberta", True)]
)
def test_byte_level_tokenizers_want_the_space_before_a_word(tmp_path, family, wanted):
    assert wants_spaces(open_tokenizer(tagged.FAMILIES[family](tmp_path))) is wanted


@FEW
@given(rows=st.lists(ROWS, max_size=4))
def test_every_word_has_its_own_first_token_or_none(tokenizer, rows):
    for words, pieces in zip(rows, split_words(tokenizer, rows), strict=True):
        with_token = [first for first in pieces.first if first >= 0]
        assert len(pieces.first) == len(words)
        assert with_token == sorted(set(with_token))
        assert all(first < len(pieces.ids) for first in with_token)
        assert with_token[:1] == ([0] if pieces.ids else [])


@FEW
@given(words=ROWS)
def test_a_word_begins_where_the_words_before_it_end(tokenizer, words):
    """Tokens of words do not depend on their neighbours, so a row's tokens are those of its words in turn."""
    (whole,) = split_words(tokenizer, [words])
    at = 0
    for place, (word, first) in enumerate(zip(words, whole.first, strict=True)):
        (alone,) = split_words(tokenizer, [[word] if place == 0 else ["x", word]])
        ids = alone.ids if place == 0 else alone.ids[alone.first[1] :] if alone.first[1] >= 0 else []
        assert list(whole.ids[at : at + len(ids)]) == list(ids)
        assert first == (at if ids else -1)
        at += len(ids)
    assert at == len(whole.ids)


def test_the_special_tokens_stand_around_the_words(tokenizer):
    empty = tokenizer("")["input_ids"]
    (pieces,) = split_words(tokenizer, [["porto", "van"]])
    assert [*pieces.before, *pieces.after] == empty
    (nothing,) = split_words(tokenizer, [[]])
    assert [*nothing.before, *nothing.ids, *nothing.after] == empty


def test_a_tokenizer_that_knows_no_words_is_refused_in_words(tmp_path):
    from transformers import ByT5Tokenizer

    with pytest.raises(UserError, match="ByT5Tokenizer can't tell which word a token came from"):
        split_words(ByT5Tokenizer(), [["a"]])


def test_no_rows_give_no_tokens(tokenizer):
    assert split_words(tokenizer, []) == []


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60) | st.lists(WORDS).map(" ".join))
def test_no_character_but_white_space_lies_outside_the_words(text):
    places = split(text)
    covered = [place for begin, end in places for place in range(begin, end)]
    assert covered == sorted(set(covered))
    assert all(text[place].isspace() for place in set(range(len(text))) - set(covered))
    assert all(begin < end and not any(c.isspace() for c in text[begin:end]) for begin, end in places)


@given(st.lists(WORDS).map(" ".join))
def test_parted_again_a_word_stays_whole_where_it_stands_alone(text):
    for word in words_of(text):
        if unicodedata.category(word[0])[0] in "LN" and "'" not in word and "’" not in word:
            assert words_of(word) == [word]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ana's train left.", ["Ana", "'s", "train", "left", "."]),
        ("(St-Malo, 3.5 km)", ["(", "St-Malo", ",", "3.5", "km", ")"]),
        ("mail ana@x.org or #call @bo_b", ["mail", "ana@x.org", "or", "#call", "@bo_b"]),
        ("1,000 at 10:30: go", ["1,000", "at", "10:30", ":", "go"]),
        ("'quoted' words", ["'", "quoted", "'", "words"]),
        ("see https://x.org/a_(b)?c=1.", ["see", "https://x.org/a_(b)?c=1", "."]),
        ("हिन्दी café cafe\u0301", ["हिन्दी", "café", "cafe\u0301"]),
        ("👨\u200d👩\u200d👧👍🏽!", ["👨\u200d👩\u200d👧", "👍🏽", "!"]),
        ("wait... -- what?!", ["wait", ".", ".", ".", "-", "-", "what", "?", "!"]),
        ("  \n", []),
    ],
)
def test_the_rule_by_which_text_is_parted(text, words):
    assert words_of(text) == words
