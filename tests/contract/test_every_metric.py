"""What every registered metric keeps to, plugins included."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram import registry
from engram.evaluate.metric import Answers, Metric, of_weights

NAMES = registry.names("metric")
EVERY = pytest.mark.parametrize("name", NAMES)
FEW = settings(max_examples=25, deadline=None)


@st.composite
def answers(draw) -> Answers:
    """Valid answers: the guess is the most probable label."""
    classes, rows, seed = draw(st.integers(1, 7)), draw(st.integers(1, 50)), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.5), rows)
    truth = random.integers(0, classes, rows)
    labels = tuple(f"label {i}" for i in range(classes))
    return Answers(truth, probabilities.argmax(axis=1), probabilities, labels)


def numbers(value: Any) -> list[float]:
    """Every number in a scalar or a table, in order."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers(item)]
    return [] if value is None or isinstance(value, str) else [float(value)]


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and numbers(one) == pytest.approx(numbers(other), abs=1e-12)


def test_there_are_six_built_in_metrics() -> None:
    assert NAMES == ["accuracy", "confusion_matrix", "ece", "macro_f1", "per_class_f1", "weighted_f1"]


@EVERY
def test_it_says_what_it_is(name: str) -> None:
    metric = registry.get("metric", name)
    assert isinstance(metric, Metric)
    assert metric.name == name and metric.title
    assert (metric.better in ("max", "min")) == metric.scalar
    assert metric.scalar or metric.better is None


@EVERY
@FEW
@given(case=answers())
def test_it_is_finite_and_plain_on_valid_answers(name: str, case: Answers) -> None:
    metric = registry.get("metric", name)
    value = metric.compute(case)
    assert isinstance(value, float) if metric.scalar else isinstance(value, list | dict)
    assert numbers(value) and all(math.isfinite(number) for number in numbers(value))
    assert json.loads(json.dumps(value, allow_nan=False)) == value


@EVERY
@FEW
@given(case=answers())
def test_weights_of_one_are_no_weights(name: str, case: Answers) -> None:
    metric = registry.get("metric", name)
    ones = case.weighted(np.ones(len(case.truth), dtype=np.int64))
    assert metric.compute(ones) == metric.compute(case)


@EVERY
@FEW
@given(case=answers(), seed=st.integers(0, 10_000))
def test_integer_weights_are_repeated_rows(name: str, case: Answers, seed: int) -> None:
    metric = registry.get("metric", name)
    weights = np.random.default_rng(seed).integers(0, 4, len(case.truth))
    weights[0] += weights.sum() == 0
    repeated = replace(
        case,
        truth=np.repeat(case.truth, weights),
        guess=np.repeat(case.guess, weights),
        probabilities=np.repeat(case.probabilities, weights, axis=0),
    )
    assert same(metric.compute(case.weighted(weights)), metric.compute(repeated))


@EVERY
@FEW
@given(case=answers(), seed=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(name: str, case: Answers, seed: int) -> None:
    metric = registry.get("metric", name)
    order = np.random.default_rng(seed).permutation(len(case.truth))
    shuffled = replace(case, truth=case.truth[order], guess=case.guess[order], probabilities=case.probabilities[order])
    assert same(metric.compute(shuffled), metric.compute(case))


@EVERY
@FEW
@given(case=answers())
def test_perfect_answers_get_the_best_value_and_others_no_better(name: str, case: Answers) -> None:
    metric = registry.get("metric", name)
    perfect = replace(case, guess=case.truth, probabilities=np.eye(len(case.labels))[case.truth])
    best = metric.compute(perfect)
    if metric.scalar:
        assert best == pytest.approx(1.0 if metric.better == "max" else 0.0, abs=1e-12)
        value = metric.compute(case)
        assert value <= best + 1e-12 if metric.better == "max" else value >= best - 1e-12
    elif name == "confusion_matrix":
        assert best == np.diag(np.bincount(case.truth, minlength=len(case.labels))).tolist()
    else:
        occurring = set(case.truth.tolist())
        assert [line["f1"] for line in best] == [1.0 if i in occurring else 0.0 for i in range(len(case.labels))]


@EVERY
@FEW
@given(case=answers(), seed=st.integers(0, 10_000))
def test_what_the_bootstrap_calls_is_what_the_report_shows(name: str, case: Answers, seed: int) -> None:
    metric = registry.get("metric", name)
    if not metric.scalar:
        assert metric.prepare is None
        return
    weights = np.random.default_rng(seed).integers(1, 4, len(case.truth))
    assert of_weights(metric, case)(weights) == metric.compute(case.weighted(weights))


@EVERY
@FEW
@given(case=answers())
def test_it_leaves_its_answers_alone(name: str, case: Answers) -> None:
    before = (case.truth.copy(), case.guess.copy(), case.probabilities.copy())
    registry.get("metric", name).compute(case)
    assert all(np.array_equal(a, b) for a, b in zip(before, (case.truth, case.guess, case.probabilities), strict=True))
