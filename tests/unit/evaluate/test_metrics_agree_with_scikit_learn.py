"""Every number is the one that scikit-learn gives, with and without row weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import Refused, UsageError
from engram.evaluate import accuracy, confusion_matrix, ece, macro_f1, per_class_f1, weighted_f1
from engram.evaluate.answers import Answers

sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")

SCALARS = [accuracy.METRIC, macro_f1.METRIC, weighted_f1.METRIC]
ALL = [*SCALARS, per_class_f1.METRIC, confusion_matrix.METRIC, ece.METRIC]


@st.composite
def answers(draw, weighted: bool = True, zero: bool = False) -> Answers:
    """Answers over a few labels, some of which never occur."""
    classes, rows = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    index = st.integers(0, classes - 1)
    truth = np.array(draw(st.lists(index, min_size=rows, max_size=rows)), dtype=np.int64)
    guess = np.array(draw(st.lists(index, min_size=rows, max_size=rows)), dtype=np.int64)
    weights = None
    if weighted:
        weights = np.array(draw(st.lists(st.integers(0 if zero else 1, 5), min_size=rows, max_size=rows)))
    return Answers(truth, guess, None, tuple(f"l{i}" for i in range(classes)), weights)


def rows_of(case: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Rows repeated as often as they weigh."""
    weights = np.ones(len(case.truth), dtype=int) if case.weights is None else case.weights
    return np.repeat(case.truth, weights), np.repeat(case.guess, weights)


@settings(max_examples=60, deadline=None)
@given(st.booleans().flatmap(lambda weighted: answers(weighted=weighted)))
def test_scalars_are_scikit_learns_numbers(case: Answers) -> None:
    options = {"sample_weight": case.weights}
    f1 = {"zero_division": 0, **options}
    assert accuracy.compute(case) == pytest.approx(sk.accuracy_score(case.truth, case.guess, **options))
    assert macro_f1.compute(case) == pytest.approx(sk.f1_score(case.truth, case.guess, average="macro", **f1))
    assert weighted_f1.compute(case) == pytest.approx(sk.f1_score(case.truth, case.guess, average="weighted", **f1))


@settings(max_examples=60, deadline=None)
@given(answers(zero=True).filter(lambda case: case.weights.sum() > 0))
def test_rows_of_weight_zero_are_not_there(case: Answers) -> None:
    truth, guess = rows_of(case)
    assert accuracy.compute(case) == pytest.approx(sk.accuracy_score(truth, guess))
    for metric, average in ((macro_f1, "macro"), (weighted_f1, "weighted")):
        expected = sk.f1_score(truth, guess, average=average, zero_division=0)
        assert metric.compute(case) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=60, deadline=None)
@given(st.booleans().flatmap(lambda weighted: answers(weighted=weighted)))
def test_tables_are_scikit_learns_tables(case: Answers) -> None:
    labels, options = list(range(len(case.labels))), {"sample_weight": case.weights}
    assert (
        confusion_matrix.compute(case) == sk.confusion_matrix(case.truth, case.guess, labels=labels, **options).tolist()
    )
    columns = sk.precision_recall_fscore_support(case.truth, case.guess, labels=labels, zero_division=0, **options)
    table = per_class_f1.compute(case)
    assert [line["label"] for line in table] == list(case.labels)
    for name, column in zip(("precision", "recall", "f1", "support"), columns, strict=True):
        assert [line[name] for line in table] == pytest.approx(column.tolist())


def test_a_class_that_never_occurs_is_left_out_of_macro_f1_and_shown_in_the_table() -> None:
    case = Answers(np.array([0, 1]), np.array([0, 1]), None, ("a", "b", "absent"))
    assert macro_f1.compute(case) == 1.0
    assert per_class_f1.compute(case)[2] == {"label": "absent", "precision": 0, "recall": 0, "f1": 0, "support": 0}


def test_one_class_only_is_scored_like_any_other() -> None:
    case = Answers(np.zeros(3, dtype=int), np.zeros(3, dtype=int), np.ones((3, 1)), ("only",))
    assert [metric.compute(case) for metric in SCALARS] == [1.0, 1.0, 1.0]
    assert ece.compute(case) == 0.0


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_no_rows_is_refused_in_words(metric) -> None:
    none = np.array([], dtype=np.int64)
    with pytest.raises(Refused, match="no rows to score"):
        metric.compute(Answers(none, none, np.zeros((0, 2)), ("a", "b")))
    two = np.array([0, 1])
    with pytest.raises(Refused, match="no rows to score"):
        metric.compute(Answers(two, two, np.eye(2), ("a", "b"), np.array([0, 0])))


def test_ece_without_probabilities_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"needs the probability.*evaluate\.metrics"):
        ece.compute(Answers(np.array([0]), np.array([0]), None, ("a", "b")))
