"""Error rates of transcripts: counted as jiwer counts them, after a reading that is named, and weighted by rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import Refused, UsageError
from engram.evaluate import cer, wer
from engram.evaluate.compare import compare, measure
from engram.evaluate.spoken import normalised
from engram.evaluate.text_answers import TextAnswers

SPOKEN = st.lists(st.sampled_from(["one", "two", "three", "won", "to", "tree", "a"]), max_size=8)
ROWS = st.lists(st.tuples(SPOKEN.filter(bool), SPOKEN), min_size=1, max_size=8)


def answers(rows) -> TextAnswers:
    return TextAnswers(tuple((" ".join(said),) for said, _ in rows), tuple(" ".join(written) for _, written in rows))


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 1000))
def test_rates_are_jiwers_also_of_rows_that_were_drawn(rows, seed):
    jiwer = pytest.importorskip("jiwer", reason="jiwer is not installed")
    case = answers(rows)
    references, guesses = [texts[0] for texts in case.references], list(case.guesses)
    assert wer.compute(case) == pytest.approx(jiwer.wer(references, guesses))
    assert cer.compute(case) == pytest.approx(jiwer.cer(references, guesses))
    drawn = np.random.default_rng(seed).integers(0, case.rows, case.rows)
    weighted = case.weighted(np.bincount(drawn, minlength=case.rows))
    expected = jiwer.wer([references[row] for row in drawn], [guesses[row] for row in drawn])
    assert wer.compute(weighted) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("One, TWO — three!", "one two three"),
        ("it's half-past nine o’clock", "it's half past nine o'clock"),
        ("'quoted' words'", "quoted words"),
        ("Straße ﬁve ①", "strasse five 1"),
        ("नमस्ते, दुनिया", "नमस्ते दुनिया"),
        ("snake_case\tand\nlines", "snake case and lines"),
        ("…", ""),
    ],
)
def test_the_reading(text, read):
    assert normalised(text) == read
    assert normalised(read) == read


def test_long_rows_count_for_more_than_short_ones():
    case = TextAnswers((("one",), ("two three four five six seven eight nine zero",)), ("won", "two three four five"))
    assert wer.compute(case) == pytest.approx(6 / 10)


def test_of_several_references_the_nearest_counts():
    case = TextAnswers((("the cat sat", "a cat sat down"), ("no",)), ("a cat sat", "no"))
    assert wer.compute(case) == pytest.approx(1 / 5)


def test_a_transcript_may_be_more_wrong_than_an_empty_one():
    assert wer.compute(TextAnswers((("one",),), ("two three four",))) == 3.0
    assert wer.compute(TextAnswers((("one two",),), ("",))) == 1.0


def test_the_method_names_the_reading_and_the_difference_is_paired():
    references = tuple((f"one two {word}",) for word in ("six", "nine") * 20)
    tuned = TextAnswers(references, tuple(text for (text,) in references))
    base = TextAnswers(references, ("one",) * 40)
    found, details = compare(tuned, base, [wer.METRIC, cer.METRIC], resamples=1000)
    assert found["wer"].value == 0.0
    assert found["wer"].baseline == pytest.approx(2 / 3)
    assert found["wer"].difference_interval[1] < 0
    assert "reading plain/1" in found["wer"].method
    assert details["examples"]["best"]


def test_what_can_not_be_counted_is_refused():
    with pytest.raises(UsageError, match="needs the texts"):
        measure(TextAnswers((("a",),), None, np.ones(1), np.ones(1, dtype=np.int64)), [wer.METRIC], resamples=0)
    with pytest.raises(Refused, match="No reference holds a word"):
        measure(TextAnswers((("…",),), ("a",)), [wer.METRIC], resamples=0)
