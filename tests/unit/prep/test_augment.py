"""The prep step `augment`: changed copies of training rows."""

from __future__ import annotations

import random
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.rows import AnchorRow, ChatRow, PreferenceRow, Row, TagRow
from engram.prep.augment import STEP, Options, augment
from engram.prep.noise import Rates, noisy_text, noisy_words
from engram.prep.plan import training_rows
from engram.schema.recipe import PrepStep

RATE = st.sampled_from([0.0, 0.1, 0.5, 1.0])
RATES = st.builds(Rates, RATE, RATE, RATE, RATE)
OPTIONS = st.builds(Options, st.integers(1, 4), RATE, RATE, RATE, RATE)
WORDS = st.lists(st.text("abcdeé", min_size=1, max_size=6), min_size=1, max_size=12)
STILL = Options(copies=3, delete=0.0, swap=0.0, case=0.0, typo=0.0)
LABELS = ("O", "B-x", "I-x", "B-y")
TAGGED = st.lists(st.tuples(st.text("abcd", min_size=1, max_size=5), st.integers(0, 3)), min_size=1, max_size=14)
ASKED = ({"role": "system", "content": "be kind now"}, {"role": "user", "content": "one two three four"})


def rows_of_all_kinds(texts: list[str]) -> list:
    rows: list = []
    for number, text in enumerate(texts):
        answer = {"role": "assistant", "content": text}
        rows += [
            Row(number, text, number % 2),
            TagRow(number, tuple(text.split()) or ("x",), (0,) * max(1, len(text.split()))),
            ChatRow(number, ({"role": "user", "content": text}, answer)),
            ChatRow(number, (answer,)),
            PreferenceRow(number, ({"role": "user", "content": text},), "good", "bad"),
            AnchorRow(number, text, "same", "other"),
        ]
    return rows


@given(st.lists(st.text(), max_size=4), st.integers(0, 9))
def test_without_noise_the_rows_stay_as_they_are(texts, seed):
    rows = rows_of_all_kinds(texts)
    assert list(augment(rows, STILL, seed, LABELS)) == rows


@settings(max_examples=60)
@given(st.lists(WORDS.map(" ".join), max_size=4), OPTIONS, st.integers(0, 9))
def test_every_row_stays_and_its_copies_follow_with_its_label_and_id(texts, options, seed):
    rows = [Row(number, text, number % 3) for number, text in enumerate(texts)]
    made = list(augment(rows, options, seed, ()))
    assert [row for row in made if row in rows] == rows
    groups = [(number, list(group)) for number, group in groupby(made, key=lambda row: row.id)]
    assert [number for number, _ in groups] == [row.id for row in rows]
    for number, group in groups:
        assert group[0] == rows[number]
        assert {row.label for row in group} == {number % 3}
        assert len({row.text for row in group}) == len(group) <= options.copies + 1
        assert all(row.text for row in group)


def test_the_noise_depends_on_seed_and_row_alone():
    rows = [Row(number, f"some words of row {number} here", 0) for number in range(50)]
    options = Options(copies=2, typo=0.2)
    mixed = random.Random(0).sample(rows, len(rows))
    first, again, moved, other = (
        list(augment(given, options, seed, ())) for given, seed in ((rows, 1), (rows, 1), (mixed, 1), (rows, 2))
    )
    assert first == again
    assert sorted(first, key=repr) == sorted(moved, key=repr)
    assert sorted(first, key=repr) != sorted(other, key=repr)


def test_the_noise_is_the_same_in_every_version():
    rows = [Row(3, "The parcel came two days late and the box was open", 1)]
    made = [row.text for row in augment(rows, Options(copies=3, case=0.1, typo=0.2), 42, ())]
    # Written down once: a machine or version that disagrees would train on other rows.
    assert made == PINNED


PINNED = [
    "The parcel came two days late and the box was open",
    "Teh came two days late and the was open",
    "The came parcel two late and the was open",
    "parcel came two late and the wa open",
]


@settings(max_examples=200)
@given(TAGGED, RATES, st.integers(0, 99))
def test_tokens_keep_their_tags_and_spans_stay_whole(pairs, rates, seed):
    row = TagRow(1, tuple(word for word, _ in pairs), tuple(tag for _, tag in pairs))
    options = Options(3, rates.delete, rates.swap, rates.case, rates.typo)
    for copy in augment([row], options, seed, LABELS):
        assert len(copy.tokens) == len(copy.tags) > 0
        assert [tag for tag in copy.tags if tag] == [tag for tag in row.tags if tag]
        assert runs(copy.tags) == runs(row.tags)
        if not rates.case and not rates.typo:
            assert spans(copy) == spans(row)


def runs(tags) -> list[list[int]]:
    """The stretches of tags other than O."""
    return [list(group) for inside, group in groupby(tags, key=bool) if inside]


def spans(row) -> list[list[str]]:
    pairs = zip(row.tokens, row.tags, strict=True)
    return [[word for word, _ in group] for inside, group in groupby(pairs, key=lambda pair: bool(pair[1])) if inside]


def test_where_no_tag_is_o_nothing_is_left_out_or_swapped():
    row = TagRow(1, ("a", "b", "c"), (0, 1, 0))
    assert list(augment([row], Options(5, delete=1.0, swap=1.0, typo=0.0), 1, ("per", "loc"))) == [row]


def test_of_a_conversation_only_the_user_makes_slips():
    answer = {"role": "assistant", "content": "five six seven"}
    row = ChatRow(1, (*ASKED, answer, ASKED[1], answer), ({"name": "tool"},))
    made = list(augment([row], Options(delete=0.5, swap=0.5), 1, ()))
    assert len(made) == 2
    assert made[1].tools == row.tools
    changed = [one != other for one, other in zip(row.messages, made[1].messages, strict=True)]
    assert changed == [False, True, False, True, False]


def test_preferences_and_triples_change_in_what_is_asked():
    rows = [PreferenceRow(1, ASKED, "good one", "bad one"), AnchorRow(2, "one two three", "p q", "r s")]
    made = list(augment(rows, Options(swap=1.0, delete=0.0, typo=0.0), 1, ()))
    assert [made[1].messages[0], made[1].chosen, made[1].rejected] == [ASKED[0], "good one", "bad one"]
    assert made[1].messages[1]["content"] == "two one four three"
    assert made[3] == AnchorRow(2, "two one three", "p q", "r s")


@given(WORDS, RATES, st.integers(0, 99))
def test_one_word_stays_whatever_is_left_out(words, rates, seed):
    found = noisy_words(words, [True] * len(words), rates, random.Random(seed))
    assert 1 <= len(found) <= len(words)
    places = [place for place, _ in found]
    assert places == sorted(set(places))


@given(st.text(" \n\tab", max_size=20), st.integers(0, 9))
def test_white_space_stays_where_no_word_goes(text, seed):
    swapped = noisy_text(text, Rates(swap=1.0), random.Random(seed))
    assert [bool(sign.strip()) for sign in swapped].count(True) == [bool(sign.strip()) for sign in text].count(True)
    assert sorted(swapped) == sorted(text)
    assert noisy_text(text, Rates(), random.Random(seed)) == text


@pytest.mark.parametrize(
    ("rates", "word", "possible"),
    [
        (Rates(case=1.0), "Word", {"word", "WORD"}),
        (Rates(case=1.0), "123", {"123"}),
        (Rates(typo=1.0), "cat,", {"act,", "ca,", "ccat,", "cta,", "ct,", "caat,"}),
        (Rates(typo=1.0), "is", {"is"}),
        (Rates(typo=1.0), "हिन्दी", {"हिन्दी"}),
        (Rates(delete=1.0), "alone", {"alone"}),
    ],
)
def test_what_noise_makes_of_a_word(rates, word, possible):
    assert {noisy_text(word, rates, random.Random(seed)) for seed in range(200)} == possible


@pytest.mark.parametrize("name", ["delete", "swap", "case", "typo"])
def test_noise_comes_as_often_as_is_stated(name):
    text = " ".join(f"word{'abcdefghij'[i % 10]}x" for i in range(20))
    rows = [Row(number, text, 0) for number in range(300)]
    options = {"delete": 0.0, "swap": 0.0, "case": 0.0, "typo": 0.0, name: 0.1}
    made = list(training_rows([PrepStep("augment", options)], rows, seed=1, labels=()))
    copies = [row.text.split() for row in made if row.text != text]
    if name == "delete":
        rate = sum(20 - len(words) for words in copies) / 6000
    elif name == "swap":
        rate = sum(a != b for words in copies for a, b in zip(words, text.split(), strict=True)) / 2 / 5700
    else:
        rate = sum(a != b for words in copies for a, b in zip(words, text.split(), strict=True)) / 6000
    assert 0.08 < rate < 0.12


def test_the_step_works_on_training_rows():
    assert (STEP.name, STEP.on) == ("augment", "training rows")
