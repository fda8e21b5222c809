"""Comparing a tuned model with its baseline fills a report that is plain JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engram import registry
from engram.errors import Refused, UsageError
from engram.evaluate import accuracy, ece, macro_f1
from engram.evaluate.answers import Answers
from engram.evaluate.bootstrap import interval, paired_difference
from engram.evaluate.compare import compare, measure
from engram.evaluate.mcnemar import mcnemar
from engram.evaluate.metric import Metric
from engram.schema.codec import to_dict
from engram.schema.takes import metrics_of

LABELS = ("no", "maybe", "yes")


def answers(seed: int, skill: float, rows: int = 120) -> Answers:
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(0).integers(0, 3, rows)
    guess = np.where(random.random(rows) < skill, truth, random.integers(0, 3, rows))
    probabilities = np.full((rows, 3), 0.1)
    probabilities[np.arange(rows), guess] = 0.8
    return Answers(truth, guess, probabilities, LABELS)


# value, interval, baseline, difference, its interval
PINNED = {
    "accuracy": (0.85, 0.75, 14 / 15, 2 / 3, 11 / 60, 1 / 30, 1 / 3),
    "macro_f1": (
        0.85,
        0.7478073403024234,
        0.9317416242678145,
        5 / 9,
        53 / 180,
        0.18018322008198467,
        0.39059621880602685,
    ),
    "weighted_f1": (
        0.85,
        0.751001114033562,
        0.9332604140046,
        5 / 9,
        53 / 180,
        0.12919049973000457,
        0.4511469921322242,
    ),
    "ece": (0.1, 1 / 60, 11 / 60, 1 / 12, 1 / 60, -0.13375, 2 / 15),
}
TUNED, BASELINE = answers(1, 0.9), answers(2, 0.5)
EVERY = [registry.get("metric", name) for name in metrics_of("classes")]


@pytest.fixture(scope="module")
def compared():
    return compare(TUNED, BASELINE, EVERY, resamples=1000, seed=3)


def test_each_scalar_has_value_baseline_difference_and_both_intervals(compared) -> None:
    measures, _ = compared
    assert set(measures) == {"accuracy", "macro_f1", "weighted_f1", "ece", "brier"}
    for metric in (metric for metric in EVERY if metric.scalar):
        found = measures[metric.name]
        assert found.value == metric.compute(TUNED)
        assert found.baseline == metric.compute(BASELINE)
        assert found.difference == found.value - found.baseline
        assert found.interval == interval(metric, TUNED, 1000, 3)
        assert found.difference_interval == paired_difference(metric, TUNED, BASELINE, 1000, 3)
        assert found.method.split("; ")[0] == "paired bootstrap, 1000 resamples, seed 3, 95 % percentile"


def test_the_numbers_are_pinned_for_ever() -> None:
    """A verdict of an old run is judged again from the same answers, so they may never give other numbers."""

    def fixed(every: int) -> Answers:
        rows = np.arange(60)
        truth = rows * 7 % 3
        chances = np.full((60, 3), 0.125)
        guess = np.where(rows % every == 0, (truth + 1) % 3, truth)
        chances[rows, guess] = 0.75
        return Answers(truth, guess, chances, LABELS)

    metrics = [registry.get("metric", name) for name in PINNED]
    found, _ = compare(fixed(7), fixed(3), metrics, resamples=1000, seed=11)
    for name, numbers in PINNED.items():
        one = found[name]
        given = (one.value, *one.interval, one.baseline, one.difference, *one.difference_interval)
        assert given == pytest.approx(numbers, rel=0, abs=1e-13)
    assert found["accuracy"].mcnemar_p == pytest.approx(0.03468966484069833, rel=1e-12)


def test_only_accuracy_carries_mcnemars_p(compared) -> None:
    measures, details = compared
    expected = mcnemar(TUNED.truth == TUNED.guess, BASELINE.truth == BASELINE.guess)
    assert measures["accuracy"].mcnemar_p == expected.p == details["discordant"]["mcnemar_p"]
    assert all(found.mcnemar_p is None for name, found in measures.items() if name != "accuracy")
    assert details["discordant"]["only_tuned"] == expected.only_first > expected.only_second
    assert details["discordant"]["only_baseline"] == expected.only_second
    assert sum(details["discordant"][key] for key in ("only_tuned", "only_baseline", "both", "neither")) == 120


def test_the_tables_are_those_of_the_tuned_model(compared) -> None:
    _, details = compared
    assert set(details) == {"labels", "confusion_matrix", "per_class_f1", "reliability", "discordant"}
    assert details["labels"] == list(LABELS)
    assert sum(details["confusion_matrix"][i][i] for i in range(3)) == int((TUNED.truth == TUNED.guess).sum())
    assert [line["label"] for line in details["per_class_f1"]] == list(LABELS)
    assert details["reliability"] == ece.reliability(TUNED)


def test_everything_can_be_written_as_json(compared) -> None:
    measures, details = compared
    assert json.loads(json.dumps([to_dict(measures), details], allow_nan=False))


def test_tables_come_even_when_nobody_asked_and_reliability_only_with_probabilities() -> None:
    silent = (replace(TUNED, probabilities=None), replace(BASELINE, probabilities=None))
    measures, details = compare(*silent, [accuracy.METRIC], resamples=1000)
    assert set(measures) == {"accuracy"}
    assert set(details) == {"labels", "confusion_matrix", "per_class_f1", "discordant"}


def test_another_table_appears_under_its_own_name() -> None:
    count = Metric("row_count", "Rows", None, False, lambda given: {"rows": len(given.truth)})
    assert compare(TUNED, BASELINE, [count], resamples=1000)[1]["row_count"] == {"rows": 120}


def test_ece_needs_the_probabilities_of_both() -> None:
    with pytest.raises(UsageError, match="needs the probability"):
        compare(TUNED, replace(BASELINE, probabilities=None), [ece.METRIC], resamples=1000)


def test_models_that_answered_different_questions_are_not_compared() -> None:
    shifted = replace(BASELINE, truth=np.roll(BASELINE.truth, 1))
    with pytest.raises(Refused, match="not asked the same questions"):
        compare(TUNED, shifted, [accuracy.METRIC], resamples=1000)
    with pytest.raises(Refused, match="not asked the same questions"):
        compare(TUNED, answers(2, 0.5, rows=119), [accuracy.METRIC], resamples=1000)
    with pytest.raises(Refused, match="different labels"):
        compare(TUNED, replace(BASELINE, labels=("yes", "maybe", "no")), [accuracy.METRIC], resamples=1000)


@pytest.mark.parametrize("who", ["the tuned model", "the baseline"])
def test_broken_answers_are_refused_on_either_side(who: str) -> None:
    broken = replace(TUNED, guess=np.full(120, -1))
    pair = (broken, BASELINE) if who == "the tuned model" else (TUNED, broken)
    with pytest.raises(Refused, match=f"guess of row 0 is -1.*Check what {who} predicts"):
        compare(*pair, [accuracy.METRIC], resamples=1000)


def test_rows_of_a_test_part_count_once_each() -> None:
    with pytest.raises(Refused, match="carry row weights"):
        measure(TUNED.weighted(np.ones(120, dtype=np.int64)), [accuracy.METRIC], resamples=1000)


def test_one_model_alone_has_value_and_interval_only() -> None:
    found = measure(TUNED, EVERY, resamples=1000, seed=3)
    assert set(found) == {"accuracy", "macro_f1", "weighted_f1", "ece", "brier"}
    assert found["macro_f1"].value == macro_f1.compute(TUNED)
    assert found["macro_f1"].interval == interval(macro_f1.METRIC, TUNED, 1000, 3)
    assert found["macro_f1"].baseline is None and found["macro_f1"].difference_interval is None
    assert found["macro_f1"].method == "bootstrap, 1000 resamples, seed 3, 95 % percentile"


def test_without_resamples_there_is_no_interval_and_no_method_to_claim() -> None:
    found = compare(TUNED, BASELINE, [accuracy.METRIC], resamples=0)[0]["accuracy"]
    assert found.interval is None and found.difference_interval is None and found.method == ""


def test_a_plugin_metric_that_gives_nan_is_reported_as_not_measured() -> None:
    broken = Metric("broken", "Broken", "max", True, lambda given: float("nan"))
    found = compare(TUNED, BASELINE, [broken], resamples=1000)[0]["broken"]
    assert (found.value, found.difference, found.interval, found.difference_interval) == (None, None, None, None)


def test_progress_reaches_the_caller() -> None:
    told: list[int] = []
    compare(TUNED, BASELINE, [accuracy.METRIC], resamples=1000, on_progress=lambda done, of: told.append(done))
    assert told[-1] == 1000 and len(told) == 100
