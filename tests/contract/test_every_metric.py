"""What every registered metric keeps to, plugins included."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.answers import MOST_STEPS, STRATEGIES, perfect, take

from engram import registry
from engram.errors import UsageError
from engram.evaluate.answers import Answers
from engram.evaluate.metric import Metric, check_takes, of_weights
from engram.evaluate.span_answers import SpanAnswers
from engram.schema.takes import TAKES, metrics_of, misfit

pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")

NAMES = registry.names("metric")
EVERY = pytest.mark.parametrize("name", NAMES)
SCALARS = pytest.mark.parametrize("name", [name for name in NAMES if registry.get("metric", name).scalar])
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# On the scale of sacrebleu; every other share goes from 0 to 1. Perplexity is e to the loss.
BEST = {
    "mos_proxy": 1 + 0.035 * 93.2 + 7e-6 * 93.2 * 33.2 * 6.8,
    "bleu": 100.0,
    "chrf": 100.0,
    "perplexity": 1.0,
    "episode_length": MOST_STEPS,
}


def answers_for(data: st.DataObject, metric: Metric) -> Any:
    """Draw answers that the metric scores."""
    return data.draw(STRATEGIES[metric.takes]())


def numbers(value: Any) -> list[float]:
    """Every number in a scalar or a table, in order."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers(item)]
    return [] if value is None or isinstance(value, str) else [float(value)]


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and numbers(one) == pytest.approx(numbers(other), rel=1e-9, abs=1e-12)


def test_the_built_in_metrics_are_all_here() -> None:
    classes = {"accuracy", "brier", "confusion_matrix", "ece", "macro_f1", "per_class_f1", "weighted_f1"}
    spans = {"per_type_f1", "span_f1", "span_precision", "span_recall", "tag_confusion", "token_accuracy"}
    texts = {"bleu", "cer", "chrf", "exact_match", "loss", "perplexity", "qa_f1", "rouge_l", "wer"}
    boxes = {"map", "map50", "per_class_ap"}
    vectors = {"cosine_sim", "mrr", "recall_at_k"}
    episodes = {"reward", "success_rate", "episode_length"}
    speech = {"judge_wer", "mcd", "mos_proxy"}
    scores = {"pearson", "spearman"}
    assert set(NAMES) == classes | spans | texts | boxes | vectors | episodes | speech | scores


@EVERY
def test_it_says_what_it_is(name: str) -> None:
    metric = registry.get("metric", name)
    assert isinstance(metric, Metric)
    assert metric.name == name and metric.title
    assert (metric.better in ("max", "min")) == metric.scalar
    assert metric.scalar or metric.better is None
    assert metric.scalar or metric.prepare is None


@EVERY
def test_the_light_table_says_what_it_scores(name: str) -> None:
    assert TAKES[name] == registry.get("metric", name).takes.noun
    assert name in metrics_of(TAKES[name])


def test_the_light_table_names_no_metric_that_is_not_there() -> None:
    assert set(TAKES) <= set(NAMES)


@pytest.mark.parametrize(("metric", "primary", "told"), [("bleu", "accuracy", "texts"), ("ece", "span_f1", "classes")])
def test_a_metric_of_other_answers_is_told_from_the_light_table_alone(metric: str, primary: str, told: str) -> None:
    assert f"{metric!r} scores {told}" in misfit(metric, primary)
    assert misfit(primary, primary) == ""
    assert misfit(metric, "of_a_plugin") == misfit("of_a_plugin", primary) == ""


@EVERY
@FEW
@given(data=st.data())
def test_it_refuses_answers_that_it_does_not_score(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    check_takes([metric], answers_for(data, metric))
    other = data.draw(STRATEGIES[SpanAnswers if metric.takes is Answers else Answers]())
    with pytest.raises(UsageError, match=f"'{name}' scores {metric.takes.noun}, and these answers are {other.noun}"):
        check_takes([metric], other)


@EVERY
@FEW
@given(data=st.data())
def test_it_is_finite_and_plain_on_valid_answers(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    case.check()
    value = metric.compute(case)
    assert isinstance(value, float) if metric.scalar else isinstance(value, list | dict)
    assert numbers(value) and all(math.isfinite(number) for number in numbers(value))
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert metric.method is None or metric.method(case).strip()


@EVERY
@FEW
@given(data=st.data())
def test_weights_of_one_are_no_weights(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    assert metric.compute(case.weighted(np.ones(case.rows, dtype=np.int64))) == metric.compute(case)


@EVERY
@FEW
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_integer_weights_are_repeated_rows(name: str, data: st.DataObject, seed: int) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    weights = np.random.default_rng(seed).integers(0, 4, case.rows)
    weights[0] += 1  # the first row of spans holds a span, and no answers at all can't be scored
    repeated = take(case, np.repeat(np.arange(case.rows), weights))
    assert same(metric.compute(case.weighted(weights)), metric.compute(repeated))


@EVERY
@FEW
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(name: str, data: st.DataObject, seed: int) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    shuffled = take(case, np.random.default_rng(seed).permutation(case.rows))
    assert same(metric.compute(shuffled), metric.compute(case))


@SCALARS
@FEW
@given(data=st.data())
def test_perfect_answers_get_the_best_value_and_others_no_better(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    best, value = metric.compute(perfect(case)), metric.compute(case)
    assert best == pytest.approx(BEST.get(name, 1.0 if metric.better == "max" else 0.0), abs=1e-9)
    assert value <= best + 1e-9 if metric.better == "max" else value >= best - 1e-9


@FEW
@given(data=st.data())
@pytest.mark.parametrize("name", ["confusion_matrix", "tag_confusion"])
def test_perfect_answers_stand_on_the_diagonal(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    case = perfect(answers_for(data, metric))
    assert metric.compute(case) == np.diag(np.bincount(case.truth, minlength=len(case.labels))).tolist()


@FEW
@given(data=st.data())
@pytest.mark.parametrize("name", ["per_class_f1", "per_type_f1"])
def test_perfect_answers_have_f1_one_in_every_line_with_support(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    table = metric.compute(perfect(answers_for(data, metric)))
    assert [line["f1"] for line in table] == [float(line["support"] > 0) for line in table]


@SCALARS
@FEW
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_what_the_bootstrap_calls_is_what_the_report_shows(name: str, data: st.DataObject, seed: int) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    weights = np.random.default_rng(seed).integers(1, 4, case.rows)
    assert of_weights(metric, case)(weights) == metric.compute(case.weighted(weights))


@SCALARS
@FEW
@given(data=st.data())
def test_mcnemars_test_goes_only_with_the_share_of_right_rows(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    if metric.of_correct:
        assert metric.compute(case) == pytest.approx(case.correct().mean())


@EVERY
@FEW
@given(data=st.data())
def test_it_leaves_its_answers_alone(name: str, data: st.DataObject) -> None:
    metric = registry.get("metric", name)
    case = answers_for(data, metric)
    before = {key: values.copy() for key, values in case.to_arrays().items()}
    metric.compute(case)
    assert all(np.array_equal(before[key], values) for key, values in case.to_arrays().items())
