"""Loss, perplexity and Brier score, against their formulas written down again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import class_answers, text_answers

from engram.errors import UsageError
from engram.evaluate import brier, loss, perplexity
from engram.evaluate.answers import Answers
from engram.evaluate.compare import measure
from engram.evaluate.text_answers import TextAnswers


def read(nll: list[float], tokens: list[int]) -> TextAnswers:
    return TextAnswers((("text",),) * len(nll), nll=np.array(nll), tokens=np.array(tokens))


@settings(max_examples=60, deadline=None)
@given(text_answers())
def test_every_token_counts_once(case: TextAnswers) -> None:
    nats, count = math.fsum(case.nll.tolist()), sum(case.tokens.tolist())
    assert loss.compute(case) == pytest.approx(nats / count, rel=1e-9)
    assert perplexity.compute(case) == pytest.approx(math.exp(nats / count), rel=1e-9)


def test_a_model_that_wavers_among_n_tokens_has_perplexity_n() -> None:
    assert perplexity.compute(read([3 * math.log(7), math.log(7)], [3, 1])) == pytest.approx(7)


def test_a_hopeless_model_is_reported_as_not_measured_rather_than_as_infinite() -> None:
    found = measure(read([800.0], [1]), [loss.METRIC, perplexity.METRIC], resamples=0)
    assert found["loss"].value == 800.0
    assert found["perplexity"].value is None


@pytest.mark.parametrize("metric", [loss.METRIC, perplexity.METRIC])
def test_likelihoods_that_were_not_measured_are_told(metric) -> None:
    with pytest.raises(UsageError, match=f"'{metric.name}' needs the likelihood"):
        metric.compute(TextAnswers((("yes",),), ("yes",)))


def by_hand(case: Answers) -> float:
    """Brier's sum, cell by cell."""
    rows = [
        sum((chance - (at == truth)) ** 2 for at, chance in enumerate(chances))
        for truth, chances in zip(case.truth, case.probabilities.tolist(), strict=True)
    ]
    return sum(rows) / len(rows)


@settings(max_examples=60, deadline=None)
@given(class_answers(), st.integers(0, 1000))
def test_brier_is_the_formula_and_scikit_learns_number(case: Answers, seed: int) -> None:
    assert brier.compute(case) == pytest.approx(by_hand(case), rel=0, abs=1e-9)
    sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    classes = len(case.labels)
    if classes > 1:
        weights = np.random.default_rng(seed).integers(1, 4, case.rows)
        known = {"labels": list(range(classes)), "scale_by_half": False, "sample_weight": weights}
        chances = case.probabilities[:, 1] if classes == 2 else case.probabilities
        chances = chances if classes == 2 else chances / chances.sum(axis=1, keepdims=True)
        expected = sk.brier_score_loss(case.truth, chances, **known)
        assert brier.compute(case.weighted(weights)) == pytest.approx(expected, rel=0, abs=1e-9)


def test_brier_goes_from_zero_for_sure_and_right_to_two_for_sure_and_wrong() -> None:
    sure = np.array([[1.0, 0.0, 0.0]])
    assert brier.compute(Answers(np.array([0]), np.array([0]), sure, ("a", "b", "c"))) == 0.0
    assert brier.compute(Answers(np.array([2]), np.array([0]), sure, ("a", "b", "c"))) == 2.0


def test_brier_without_probabilities_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"Brier score needs the probability.*evaluate\.metrics"):
        brier.compute(Answers(np.array([0]), np.array([0]), None, ("a", "b")))
