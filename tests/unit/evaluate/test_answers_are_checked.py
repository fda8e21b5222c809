"""Broken answers of every sort are refused with the first bad row, before anything is scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engram.errors import Refused
from engram.evaluate.answers import Answers
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.text_answers import TextAnswers

GOOD = Answers(
    truth=np.array([0, 1, 2]),
    guess=np.array([0, 2, 2]),
    probabilities=np.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.0, 0.0, 1.0]]),
    labels=("a", "b", "c"),
)


def with_probability(row: int, values: list[float]) -> np.ndarray:
    changed = GOOD.probabilities.copy()
    changed[row] = values
    return changed


def test_good_answers_pass() -> None:
    GOOD.check()
    replace(GOOD, probabilities=None, weights=np.array([0, 2, 1])).check()
    replace(GOOD, probabilities=GOOD.probabilities.astype(np.float32)).check()


NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"truth": np.array([0, -100, 2])},
            r"truth of row 1 is -100, not a class index from 0 to 2 \(1 such rows of 3\)",
        ),
        ({"truth": np.array([-100, -100, -100])}, r"truth of row 0 is -100.*3 such rows of 3.*needs its true label"),
        ({"truth": np.array([0, 3, 2])}, "truth of row 1 is 3"),
        ({"truth": np.array([0.0, NAN, 2.0])}, "truth must hold whole class indices, and row 1 is nan"),
        ({"guess": np.array([0.0, 1.0, NAN])}, "guess must hold whole class indices, and row 2 is nan"),
        ({"guess": np.array([0.0, 1.0, 2.0])}, "it is of type float64"),
        ({"guess": np.array([0, 1, 3])}, "guess of row 2 is 3"),
        ({"guess": np.array([-1, 1, 2])}, "guess of row 0 is -1"),
        ({"guess": np.array([0, 1])}, r"Expected guess of shape \(3,\), received \(2,\)"),
        ({"probabilities": np.ones((3, 2)) / 2}, r"Expected probabilities of shape \(3, 3\), received \(3, 2\)"),
        ({"probabilities": with_probability(1, [NAN, 0.5, 0.5])}, "probability of row 1 is nan"),
        ({"probabilities": with_probability(2, [float("inf"), 0.0, 0.0])}, "probability of row 2 is inf"),
        ({"probabilities": with_probability(0, [-0.5, 1.0, 0.5])}, "probability of row 0 is -0.5"),
        ({"probabilities": with_probability(0, [2.5, -1.0, -0.5])}, "not logits"),
        ({"probabilities": with_probability(1, [0.2, 0.3, 0.4])}, "row 1 sum to 0.9, not to 1"),
        ({"labels": ()}, "labels that are present and distinct"),
        ({"labels": ("a", "b", "a")}, "labels that are present and distinct"),
        ({"weights": np.array([1, -1, 1])}, "weights must be whole numbers from 0 up"),
        ({"weights": np.array([0.5, 1.0, 1.0])}, "weights must be whole numbers from 0 up"),
        ({"weights": np.array([1, 1])}, "Expected weights of shape"),
    ],
)
def test_broken_answers_are_refused_with_the_reason(change, said: str) -> None:
    with pytest.raises(Refused, match=said):
        replace(GOOD, **change).check()


def test_no_rows_names_whose_answers_they_are() -> None:
    none = np.array([], dtype=np.int64)
    with pytest.raises(Refused, match="no rows to score for the baseline"):
        Answers(none, none, None, ("a",)).check("the baseline")


TAGGED = SpanAnswers.of([[1, 2, 0], [0, 1]], [[1, 0, 0], [0, 1]], ("O", "B-a", "I-a"))


def test_good_tags_pass() -> None:
    TAGGED.check()
    TAGGED.weighted(np.array([0, 3])).check()
    replace(TAGGED, labels=("NOUN", "VERB", "ADJ")).check()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"truth": np.array([1, 2, 0, -100, 1])}, r"true tag of word 0 of row 1 is -100, .*\(1 such words of 5\)"),
        ({"truth": np.array([1, 3, 0, 0, 1])}, "true tag of word 1 of row 0 is 3, not a class index from 0 to 2"),
        ({"guess": np.array([1, 0, 0, 0, -1])}, "guessed tag of word 1 of row 1 is -1.*Check what the model predicts"),
        ({"guess": np.array([1, 0, 0, 0])}, r"Expected guessed tag of shape \(5,\), received \(4,\)"),
        ({"guess": np.array([1.0, 0, 0, 0, NAN])}, "must hold whole class indices, and word 1 of row 1 is nan"),
        ({"offsets": np.array([0, 5, 5])}, "Row 1 has no words"),
        ({"offsets": np.array([0, 4])}, "'offsets' must rise from 0 to 5"),
        ({"offsets": np.array([0, 6, 5])}, "'offsets' must rise from 0 to 5"),
        ({"offsets": np.array([1, 3, 5])}, "'offsets' must rise from 0 to 5"),
        ({"offsets": np.array([0.0, 3.0, 5.0])}, "'offsets' must rise from 0 to 5"),
        ({"offsets": np.array([0])}, "no rows to score for the model"),
        ({"labels": ("O", "B-a", "O")}, "labels that are present and distinct"),
        ({"weights": np.array([1, -1])}, "weights must be whole numbers from 0 up"),
        ({"weights": np.array([1, 1, 1, 1, 1])}, r"Expected weights of shape \(2,\)"),
    ],
)
def test_broken_tags_are_refused_with_the_reason(change, said: str) -> None:
    with pytest.raises(Refused, match=said):
        replace(TAGGED, **change).check()


def test_rows_of_different_length_are_refused_when_tags_are_put_together() -> None:
    with pytest.raises(Refused, match="Row 1 has 2 true tags, and the probe gives 1"):
        SpanAnswers.of([[0], [0, 1]], [[0], [0]], ("O", "B-a"), "the probe")
    with pytest.raises(Refused, match="true tags for 2 rows, and the model gives tags for 1"):
        SpanAnswers.of([[0], [0]], [[0]], ("O", "B-a"))


WRITTEN = TextAnswers((("yes", "yeah"), ("no",)), ("yes", ""), np.array([0.5, 0.0]), np.array([1, 4]))


def test_good_texts_pass() -> None:
    WRITTEN.check()
    replace(WRITTEN, guesses=None).check()
    replace(WRITTEN, nll=None, tokens=None, weights=np.array([2, 0])).check()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"references": ()}, "no rows to score"),
        ({"references": (("yes",), ())}, r"Row 1 has no reference, or an empty one: \[\]"),
        ({"references": (("yes", " \n"), ("no",))}, "Row 0 has no reference, or an empty one"),
        ({"references": (("yes",), (None,))}, "Row 1 has no reference, or an empty one"),
        ({"references": (("yes",), ("\ud800",))}, "reference of row 1 holds half of a surrogate pair"),
        ({"guesses": ("yes",)}, "There are 2 rows, and the model wrote 1 texts"),
        ({"guesses": ("yes", None)}, "guess of row 1 is None, not a text.*give ''"),
        ({"guesses": ("a\udfff", "")}, "guess of row 0 holds half of a surrogate pair.*character 1"),
        ({"nll": np.array([0.5, NAN])}, r"log-likelihood of row 1 is nan, .*\(1 such rows\).*diverge"),
        ({"nll": np.array([-0.1, 1.0])}, "log-likelihood of row 0 is -0.1"),
        ({"nll": np.array([0.1, float("inf")])}, "log-likelihood of row 1 is inf.*probability 0"),
        ({"nll": np.array([0.1])}, r"Expected losses of shape \(2,\)"),
        ({"tokens": np.array([1, 0])}, "token count of row 1 is 0, not a whole number from 1 up"),
        ({"tokens": np.array([1.5, 2.0])}, "token count of row 0 is 1.5"),
        ({"tokens": None}, "belong together"),
        ({"nll": None}, "belong together"),
        ({"guesses": None, "nll": None, "tokens": None}, "the model wrote no texts and gives no likelihoods"),
        ({"weights": np.array([1, -1])}, "weights must be whole numbers from 0 up"),
    ],
)
def test_broken_texts_are_refused_with_the_reason(change, said: str) -> None:
    with pytest.raises(Refused, match=said):
        replace(WRITTEN, **change).check()
