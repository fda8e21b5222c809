"""Broken answers are refused with the first bad row, before anything is scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engram.errors import Refused
from engram.evaluate.check import check_answers
from engram.evaluate.metric import Answers

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
    check_answers(GOOD)
    check_answers(replace(GOOD, probabilities=None, weights=np.array([0, 2, 1])))
    check_answers(replace(GOOD, probabilities=GOOD.probabilities.astype(np.float32)))


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
        check_answers(replace(GOOD, **change))


def test_no_rows_names_whose_answers_they_are() -> None:
    none = np.array([], dtype=np.int64)
    with pytest.raises(Refused, match="no rows to score for the baseline"):
        check_answers(Answers(none, none, None, ("a",)), "the baseline")
