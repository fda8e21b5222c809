"""Answers become plain arrays and come back the same; arrays that were tampered with are refused."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import STRATEGIES, take

from engram.errors import Refused
from engram.evaluate.alike import alike
from engram.evaluate.answers import Answers
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.text_answers import TextAnswers

ANY = st.one_of(*(strategy() for strategy in STRATEGIES.values()))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def through_a_file(given_answers):
    """Write answers to an .npz and read them again, pickle forbidden on both sides."""
    out = BytesIO()
    np.savez_compressed(out, allow_pickle=False, **given_answers.to_arrays())
    out.seek(0)
    with np.load(out, allow_pickle=False) as arrays:
        return type(given_answers).from_arrays(arrays, getattr(given_answers, "labels", ()))


def same(one, other) -> bool:
    ours, theirs = one.to_arrays(), other.to_arrays()
    return ours.keys() == theirs.keys() and all(
        np.array_equal(ours[name], theirs[name]) and ours[name].dtype == theirs[name].dtype for name in ours
    )


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_answers_come_back_the_same(case) -> None:
    for one in (case, case.weighted(np.arange(case.rows) + 1)):
        back = through_a_file(one)
        assert same(one, back) and one.same_questions(back) == "" and back.rows == one.rows
        assert (back.weights is None) == (one.weights is None)
        assert np.array_equal(back.correct(), one.correct())
        assert alike(one, back).all()


def found(*guess):
    return BoxAnswers.of([([0], [[1, 1, 8, 8]])] * len(guess), guess, ["cat", "dog"])


def test_boxes_are_alike_where_the_same_things_are_found_in_whatever_order() -> None:
    one = found(([0, 1], [[0, 0, 9, 9], [20, 20, 5, 5]], [0.9, 0.8]), ([0], [[4, 4, 4, 4]], [0.7]), ([], [], []))
    near = found(([1, 0], [[20.3, 20, 5, 5], [0, 0, 9, 9]], [0.801, 0.9]), ([0], [[4, 4, 5, 4]], [0.7]), ([], [], []))
    assert alike(one, near).tolist() == [True, False, True]
    unsure = found(
        ([0, 1], [[0, 0, 9, 9], [20, 20, 5, 5]], [0.9, 0.8]), ([1], [[4, 4, 4, 4]], [0.7]), ([1], [[0] * 4], [0.04])
    )
    assert alike(one, unsure).tolist() == [True, False, True]


@given(st.lists(st.tuples(st.lists(TEXT, min_size=1, max_size=3), TEXT), min_size=1, max_size=5))
def test_any_text_comes_back_to_the_letter(rows) -> None:
    case = TextAnswers(tuple(tuple(texts) for texts, _ in rows), tuple(guess for _, guess in rows))
    back = through_a_file(case)
    assert (back.references, back.guesses) == (case.references, case.guesses)
    silent = TextAnswers(case.references, None, np.ones(case.rows), np.ones(case.rows, dtype=np.int64))
    assert through_a_file(silent).guesses is None


def test_classes_are_kept_under_the_names_that_older_runs_used() -> None:
    case = Answers(np.array([0, 1]), np.array([1, 1]), np.eye(2), ("a", "b"))
    assert set(case.to_arrays()) == {"truth", "guess", "probabilities"}
    assert Answers.from_arrays({"truth": case.truth, "guess": case.guess}, ["a", "b"]).probabilities is None


KEPT = TextAnswers((("né", "b"), ("c",)), ("x", "yz")).to_arrays()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"references": np.full(5, 255, dtype=np.uint8)},
            "'references' holds bytes that are no UTF-8",
        ),
        ({"references": KEPT["references"].astype(np.int64)}, "'references' must hold bytes"),
        ({"references": KEPT["references"][:-1]}, "'offsets of references' must rise from 0 to 4"),
        ({"reference_offsets": np.array([0, 2, 4, 5])}, "'references' holds bytes that are no UTF-8"),
        ({"reference_offsets": np.array([0, 4, 3, 5])}, "'offsets of references' must rise from 0 to 5"),
        ({"reference_rows": np.array([0, 2, 9])}, "'reference_rows' must rise from 0 to 3"),
        ({"reference_rows": np.array([-1, 2, 3])}, "'reference_rows' must rise from 0 to 3"),
        ({"guess_offsets": np.array([0, 1, 4])}, "'offsets of guesses' must rise from 0 to 3"),
        ({"guess_offsets": None}, "Expected arrays named guesses, guess_offsets"),
        ({"reference_rows": None}, "Expected arrays named references, reference_offsets, reference_rows; received"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(change, said: str) -> None:
    arrays = {name: values for name, values in (KEPT | change).items() if values is not None}
    with pytest.raises(Refused, match=said):
        TextAnswers.from_arrays(arrays)


@pytest.mark.parametrize("form", [Answers, SpanAnswers])
def test_a_missing_array_is_named(form) -> None:
    with pytest.raises(Refused, match=r"Expected arrays named truth, guess.*received truth"):
        form.from_arrays({"truth": np.array([0])}, ["a"])


@settings(max_examples=40, deadline=None)
@given(ANY)
def test_the_same_questions_are_those_with_the_same_truth(case) -> None:
    assert case.same_questions(case) == ""
    longer = take(case, [*range(case.rows), 0])
    assert case.same_questions(longer) and longer.same_questions(case)


def test_what_differs_between_questions_is_said() -> None:
    tags = SpanAnswers.of([[0, 1], [0]], [[0, 1], [0]], ("O", "B-a"))
    texts = TextAnswers((("a b",),), ("a",), np.array([1.0]), np.array([2]))
    classes = Answers(np.array([0]), np.array([0]), None, ("O", "B-a"))
    assert "different labels" in tags.same_questions(SpanAnswers.of([[0, 1], [0]], [[0, 1], [0]], ("O", "B-b")))
    assert "numbers of words" in tags.same_questions(SpanAnswers.of([[0], [1, 0]], [[0], [1, 0]], tags.labels))
    assert "true tags" in tags.same_questions(SpanAnswers.of([[1, 1], [0]], [[0, 1], [0]], tags.labels))
    assert "references" in texts.same_questions(TextAnswers((("a c",),), ("a",)))
    assert texts.same_questions(TextAnswers((("a b",),), ("z",))) == ""
    assert "numbers of tokens" in texts.same_questions(TextAnswers((("a b",),), None, np.array([1.0]), np.array([3])))
    assert tags.same_questions(texts) == "one gives spans and the other texts."
    assert texts.same_questions(classes) == "one gives texts and the other classes."
    assert classes.same_questions(tags) == "one gives classes and the other spans."
