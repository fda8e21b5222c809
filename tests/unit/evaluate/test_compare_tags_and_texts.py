"""Tags and texts are compared as classes are: intervals, paired differences, tests and tables."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engram import registry
from engram.errors import Refused, UsageError
from engram.evaluate import accuracy, loss, perplexity, span_f1
from engram.evaluate.bootstrap import interval, paired_difference
from engram.evaluate.compare import compare, measure, tables
from engram.evaluate.mcnemar import mcnemar
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.text_answers import TextAnswers
from engram.schema.codec import to_dict
from engram.schema.takes import metrics_of

LABELS = ("O", "B-person", "I-person", "B-place")
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ROWS = 60


def tagged(seed: int, skill: float) -> SpanAnswers:
    fixed, random = np.random.default_rng(0), np.random.default_rng(seed)
    truth = [fixed.integers(0, 4, fixed.integers(1, 9)) for _ in range(ROWS)]
    guess = [np.where(random.random(len(one)) < skill, one, 0) for one in truth]
    return SpanAnswers.of([one.tolist() for one in truth], [one.tolist() for one in guess], LABELS)


def written(seed: int, skill: float) -> TextAnswers:
    fixed, random = np.random.default_rng(0), np.random.default_rng(seed)
    right = [fixed.choice(WORDS, 6).tolist() for _ in range(ROWS)]
    guesses = [[word if random.random() < skill else "no" for word in words] for words in right]
    tokens = fixed.integers(1, 9, ROWS)
    references = tuple((" ".join(words),) for words in right)
    return TextAnswers(references, tuple(map(" ".join, guesses)), tokens * (1.5 - skill), tokens)


PAIRS = {"spans": (tagged(1, 0.95), tagged(2, 0.6)), "texts": (written(1, 0.95), written(2, 0.6))}
pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")


@pytest.fixture(scope="module", params=PAIRS)
def compared(request):
    tuned, baseline = PAIRS[request.param]
    metrics = [registry.get("metric", name) for name in metrics_of(request.param)]
    return tuned, baseline, metrics, *compare(tuned, baseline, metrics, resamples=1000, seed=3)


def test_each_scalar_has_value_baseline_difference_and_both_intervals(compared) -> None:
    tuned, baseline, metrics, measures, _ = compared
    assert set(measures) == {metric.name for metric in metrics if metric.scalar}
    for metric in (metric for metric in metrics if metric.scalar):
        found = measures[metric.name]
        assert found.value == metric.compute(tuned)
        assert found.baseline == metric.compute(baseline)
        assert found.difference == found.value - found.baseline
        assert found.interval == interval(metric, tuned, 1000, 3)
        assert found.difference_interval == paired_difference(metric, tuned, baseline, 1000, 3)


def test_the_better_model_is_ahead_in_the_direction_of_each_measure(compared) -> None:
    *_, metrics, measures, _ = compared
    for metric in (metric for metric in metrics if metric.scalar):
        assert (measures[metric.name].difference > 0) == (metric.better == "max"), metric.name


def test_the_method_says_how_it_was_drawn_and_how_it_was_worked_out(compared) -> None:
    *_, measures, _ = compared
    drawn = "paired bootstrap, 1000 resamples, seed 3, 95 % percentile"
    assert all(found.method.split("; ")[0] == drawn for found in measures.values())
    if "bleu" in measures:
        assert "; sacrebleu nrefs:1|" in measures["bleu"].method
        assert "for English" in measures["exact_match"].method
    else:
        assert "as conlleval reads it" in measures["span_f1"].method


def test_right_and_wrong_rows_are_tested_and_the_share_of_right_rows_carries_p(compared) -> None:
    tuned, baseline, _, measures, details = compared
    expected = mcnemar(tuned.correct(), baseline.correct())
    assert details["discordant"]["mcnemar_p"] == expected.p
    assert details["discordant"]["only_tuned"] == expected.only_first > expected.only_second
    carried = {name: found.mcnemar_p for name, found in measures.items() if found.mcnemar_p is not None}
    assert carried == ({"exact_match": expected.p} if "exact_match" in measures else {})


def test_everything_can_be_written_as_json(compared) -> None:
    *_, measures, details = compared
    assert json.loads(json.dumps([to_dict(measures), details], allow_nan=False))


def test_the_tables_of_spans() -> None:
    tuned, baseline = PAIRS["spans"]
    _, details = compare(tuned, baseline, [span_f1.METRIC], resamples=0)
    assert set(details) == {"labels", "tag_confusion", "per_type_f1", "discordant"}
    assert details["labels"] == list(LABELS)
    assert sum(map(sum, details["tag_confusion"])) == len(tuned.truth)
    assert [line["label"] for line in details["per_type_f1"]] == ["person", "place"]


def test_tags_that_mark_no_spans_have_no_table_of_types() -> None:
    speech = replace(PAIRS["spans"][0], labels=("NOUN", "VERB", "ADJ", "X"))
    assert set(tables(speech)) == {"labels", "tag_confusion"}


def test_the_tables_of_texts_are_examples_best_first() -> None:
    tuned, baseline = PAIRS["texts"]
    _, details = compare(tuned, baseline, [loss.METRIC], resamples=0)
    assert set(details) == {"examples", "discordant"}
    found = details["examples"]
    assert found["by"] == "chrf" and len(found["best"]) == len(found["worst"]) == 5
    scores = [line["score"] for line in found["best"] + found["worst"]]
    assert scores == sorted(scores, reverse=True)
    assert found["best"][0]["score"] == pytest.approx(100)
    worst = found["worst"][-1]
    assert worst["guess"] == tuned.guesses[worst["row"]] and worst["reference"] == tuned.references[worst["row"]][0]


def test_examples_are_cut_and_never_stand_in_both_lists() -> None:
    case = TextAnswers((("x" * 500,), ("y" * 200,), ("z",)), ("x" * 500, "y" * 200, "w" * 201))
    found = tables(case)["examples"]
    assert [line["row"] for line in found["best"]] == [0, 1] and [line["row"] for line in found["worst"]] == [2]
    assert found["best"][0]["reference"] == found["best"][0]["guess"] == "x" * 199 + "…"
    assert found["best"][1]["reference"] == "y" * 200
    assert found["worst"][0]["guess"] == "w" * 199 + "…"


def test_where_nothing_was_written_the_losses_rank_the_rows_and_nothing_is_tested() -> None:
    silent = [replace(case, guesses=None) for case in PAIRS["texts"]]
    measures, details = compare(*silent, [loss.METRIC, perplexity.METRIC], resamples=1000)
    assert measures["perplexity"].difference < 0
    assert set(details) == {"examples"}
    assert details["examples"]["by"] == "loss"
    uneven = replace(silent[0], nll=silent[0].tokens * np.arange(ROWS, 0.0, -1))
    found = tables(uneven)["examples"]
    assert [line["row"] for line in found["best"]] == [59, 58, 57, 56, 55]
    assert [line["row"] for line in found["worst"]] == [4, 3, 2, 1, 0]
    assert found["best"][0] == {"row": 59, "score": 1.0, "reference": uneven.references[59][0], "guess": None}


def test_a_metric_of_other_answers_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(UsageError, match=r"'accuracy' scores classes, and these answers are spans.*evaluate\.metrics"):
        measure(PAIRS["spans"][0], [accuracy.METRIC])
    with pytest.raises(UsageError, match="'span_f1' scores spans, and these answers are texts"):
        compare(*PAIRS["texts"], [span_f1.METRIC])


def test_models_that_answered_different_questions_are_not_compared() -> None:
    tuned, baseline = PAIRS["texts"]
    with pytest.raises(Refused, match="not asked the same questions: their references differ"):
        compare(tuned, replace(baseline, references=tuned.references[::-1]), [loss.METRIC])
    with pytest.raises(Refused, match="different numbers of tokens, so a loss per token means different things"):
        compare(tuned, replace(baseline, tokens=baseline.tokens + 1), [loss.METRIC])
    with pytest.raises(Refused, match="one gives texts and the other spans"):
        compare(tuned, PAIRS["spans"][0], [])


def test_broken_answers_and_weighted_ones_are_refused_on_either_side() -> None:
    tuned, baseline = PAIRS["texts"]
    with pytest.raises(Refused, match="negative log-likelihood of row 0 is nan"):
        compare(tuned, replace(baseline, nll=np.full(ROWS, np.nan)), [loss.METRIC])
    with pytest.raises(Refused, match="answers of the baseline carry row weights"):
        compare(tuned, baseline.weighted(np.ones(ROWS, dtype=np.int64)), [loss.METRIC])
