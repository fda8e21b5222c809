"""The calibration error is that of Guo et al. (2017), and the reliability table adds up to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.evaluate import ece
from engram.evaluate.answers import Answers


def binary(confidences: list[float], right: list[bool], weights: list[int] | None = None) -> Answers:
    """Answers that guess label 0 with a case confidence."""
    sure = np.array(confidences)
    truth = np.where(np.array(right), 0, 1)
    return Answers(
        truth,
        np.zeros(len(sure), dtype=int),
        np.stack([sure, 1 - sure], axis=1),
        ("a", "b"),
        None if weights is None else np.array(weights),
    )


def by_the_book(case: Answers) -> float:
    """Equation 3 of the paper, bin by bin and row by row."""
    weights = np.ones(len(case.truth)) if case.weights is None else case.weights
    error = 0.0
    for m in range(1, 16):
        inside = [
            i
            for i in range(len(case.truth))
            if (m - 1) / 15 < case.probabilities[i, case.guess[i]] <= m / 15
            or (m == 1 and case.probabilities[i, case.guess[i]] == 0)
        ]
        if inside:
            hits = sum(weights[i] * (case.truth[i] == case.guess[i]) for i in inside)
            sure = sum(weights[i] * case.probabilities[i, case.guess[i]] for i in inside)
            error += abs(hits - sure)
    return error / weights.sum()


ROWS = st.lists(
    st.tuples(st.floats(0.0, 1.0).map(lambda x: round(x, 3)), st.booleans(), st.integers(1, 4)), min_size=1, max_size=60
)


@settings(max_examples=80, deadline=None)
@given(ROWS)
def test_ece_is_the_papers_equation(rows) -> None:
    sure, right, weights = map(list, zip(*rows, strict=True))
    for case in (binary(sure, right), binary(sure, right, weights)):
        assert ece.compute(case) == pytest.approx(by_the_book(case), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_the_reliability_table_adds_up_to_the_error_and_to_the_rows(rows) -> None:
    sure, right, weights = map(list, zip(*rows, strict=True))
    case = binary(sure, right, weights)
    table = ece.reliability(case)
    assert sum(line["count"] for line in table) == sum(weights)
    gaps = [line["count"] * abs(line["accuracy"] - line["confidence"]) for line in table if line["count"]]
    assert sum(gaps) / sum(weights) == pytest.approx(ece.compute(case), abs=1e-12)


def test_the_table_has_fifteen_equal_bins_and_says_nothing_of_empty_ones() -> None:
    table = ece.reliability(binary([0.99, 0.97], [True, False]))
    assert [line["lower"] for line in table] == pytest.approx([i / 15 for i in range(15)])
    assert [line["upper"] for line in table] == pytest.approx([(i + 1) / 15 for i in range(15)])
    assert table[14] == {"lower": 14 / 15, "upper": 1.0, "count": 2, "confidence": pytest.approx(0.98), "accuracy": 0.5}
    assert table[0]["confidence"] is None and table[0]["accuracy"] is None


@pytest.mark.parametrize(("confidence", "bin_number"), [(0.0, 0), (0.2, 2), (np.nextafter(0.2, 1), 3), (1.0, 14)])
def test_bins_are_open_below_and_closed_above(confidence: float, bin_number: int) -> None:
    table = ece.reliability(binary([confidence], [True]))
    assert [line["count"] for line in table].index(1) == bin_number


def test_sure_and_right_is_perfect_and_sure_and_wrong_is_worst() -> None:
    assert ece.compute(binary([1.0, 1.0], [True, True])) == 0.0
    assert ece.compute(binary([1.0, 1.0], [False, False])) == 1.0


def test_confidence_is_the_probability_of_the_guess_even_where_it_is_not_the_largest() -> None:
    assert ece.compute(binary([0.25], [True])) == 0.75
