"""Bootstrap intervals: the same seed gives the same interval, and they cover what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engram.errors import UsageError
from engram.evaluate import accuracy, brier, ece, macro_f1, weighted_f1
from engram.evaluate.answers import Answers
from engram.evaluate.bootstrap import interval, paired_difference, percentile, resample
from engram.evaluate.metric import Metric, of_weights

SCALARS = [accuracy.METRIC, macro_f1.METRIC, weighted_f1.METRIC, ece.METRIC, brier.METRIC]

PINNED = [[1, 0, 1, 0, 2, 2], [1, 0, 2, 0, 2, 1], [1, 1, 1, 2, 1, 0]]


def answers(seed: int, skill: float, rows: int = 200, truth_seed: int = 0) -> Answers:
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(truth_seed).integers(0, 4, rows)
    guess = np.where(random.random(rows) < skill, truth, random.integers(0, 4, rows))
    probabilities = np.full((rows, 4), 0.1)
    probabilities[np.arange(rows), guess] = 0.7
    return Answers(truth, guess, probabilities, ("a", "b", "c", "d"))


def test_the_interval_of_accuracy_is_the_textbook_one() -> None:
    given = answers(1, 0.8, rows=1000)
    lower, upper = interval(accuracy.METRIC, given, 4000, 0)
    p = accuracy.compute(given)
    half = 1.96 * math.sqrt(p * (1 - p) / 1000)
    assert (lower, upper) == (pytest.approx(p - half, abs=0.003), pytest.approx(p + half, abs=0.003))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    given = answers(1, 0.8)
    first = interval(macro_f1.METRIC, given, 1000, 7)
    assert first == interval(macro_f1.METRIC, given, 1000, 7)
    assert first != interval(macro_f1.METRIC, given, 1000, 8)


def test_the_draws_are_pinned_for_ever() -> None:
    """These counts may never change: verdicts of old runs are judged again from the same draws."""
    seen: list[list[int]] = []
    resample([lambda weights: seen.append(weights.tolist()) or 0.0], 6, resamples=1000, seed=42)
    assert seen[:3] == PINNED
    assert all(sum(weights) == 6 for weights in seen)


def test_every_row_is_drawn_equally_often() -> None:
    totals = np.zeros(7)

    def note(weights: np.ndarray) -> float:
        totals[:] += weights
        return 0.0

    resample([note], 7, resamples=3000, seed=1)
    assert totals / 3000 == pytest.approx(np.ones(7), abs=0.08)


def test_both_models_are_scored_on_the_same_rows() -> None:
    """Two equal models differ by nothing on every resample, though each varies by itself."""
    given = answers(1, 0.7)
    assert paired_difference(accuracy.METRIC, given, given, 1000, 0) == (0.0, 0.0)
    lower, upper = interval(accuracy.METRIC, given, 1000, 0)
    assert lower < upper


def test_pairing_makes_the_difference_of_like_models_sharper() -> None:
    tuned = answers(1, 0.8, rows=500)
    guess = tuned.guess.copy()
    guess[:5] = (tuned.truth[:5] + 1) % 4
    baseline = Answers(tuned.truth, guess, None, tuned.labels)
    lower, upper = paired_difference(accuracy.METRIC, tuned, baseline, 1000, 0)
    alone = interval(accuracy.METRIC, tuned, 1000, 0)
    assert upper - lower < (alone[1] - alone[0]) / 2
    assert 0 <= lower <= accuracy.compute(tuned) - accuracy.compute(baseline) <= upper


@pytest.mark.parametrize("metric", SCALARS, ids=lambda metric: metric.name)
def test_the_fast_way_and_the_plain_way_give_the_same_draws(metric: Metric) -> None:
    given = answers(3, 0.6, rows=50)
    plain = Metric(metric.name, metric.title, metric.better, True, metric.compute)
    both = resample([of_weights(metric, given), of_weights(plain, given)], 50, resamples=1000, seed=0)
    assert np.array_equal(both[:, 0], both[:, 1])


@pytest.mark.parametrize("few", [-1, 1, 999])
def test_too_few_resamples_are_refused_because_chance_could_pass_the_gate(few: int) -> None:
    with pytest.raises(UsageError, match="at least 1000"):
        interval(accuracy.METRIC, answers(1, 0.8), few, 0)


def test_no_resamples_give_no_interval() -> None:
    assert interval(accuracy.METRIC, answers(1, 0.8), 0, 0) is None


def test_a_metric_that_is_not_finite_on_a_resample_has_no_interval() -> None:
    assert percentile(np.array([0.1, float("nan"), 0.3])) is None
    assert percentile(np.array([0.1, float("inf"), 0.3])) is None


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    resample([lambda _: 0.0], 3, resamples=1050, seed=0, on_progress=lambda done, of: told.append((done, of)))
    assert told[0] == (10, 1050)
    assert told[-1] == (1050, 1050)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
