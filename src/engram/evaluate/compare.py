"""Measures of one model, and of a tuned model against its baseline."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from engram.errors import Refused
from engram.evaluate import confusion_matrix, ece, per_class_ap, per_class_f1, per_type_f1, spans, tag_confusion
from engram.evaluate.answers import Answers
from engram.evaluate.bootstrap import RESAMPLES, Progress, percentile, resample
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.examples import examples
from engram.evaluate.mcnemar import McNemar, mcnemar
from engram.evaluate.metric import Metric, Scored, check_takes, of_weights, row_weights
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.spoken_answers import SpokenAnswers, samples
from engram.evaluate.text_answers import TextAnswers
from engram.schema.report import Measure


def measure(
    answers: Scored,
    metrics: Sequence[Metric],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> dict[str, Measure]:
    """Return value and 95 % interval of every scalar metric; tables are left to `tables`.

    Raises Refused for answers that can't be scored and UsageError for too few resamples, or for a metric that scores
    other answers.
    """
    _check(answers, "the model", metrics)
    scalars = [metric for metric in metrics if metric.scalar]
    functions = [of_weights(metric, answers) for metric in scalars]
    draws = resample(functions, answers.rows, resamples=resamples, seed=seed, on_progress=on_progress)
    once = row_weights(answers)
    return {
        metric.name: Measure(
            value=_number(functions[i](once)),
            interval=percentile(draws[:, i]),
            method=_method(metric, answers, "bootstrap", resamples, seed),
        )
        for i, metric in enumerate(scalars)
    }


def compare(
    tuned: Scored,
    baseline: Scored,
    metrics: Sequence[Metric],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> tuple[dict[str, Measure], dict[str, Any]]:
    """Return the measures of tuned against baseline, and the tables of the tuned model for people.

    difference is tuned minus baseline, whichever way is better; its interval is paired. The share of right rows
    (accuracy, exact match) carries McNemar's p. Details: what `tables` gives, and `discordant` (rows that only one
    model got right) where answers are right or wrong.

    Raises Refused for answers that can't be scored, or that do not answer the same questions, and UsageError for too
    few resamples, or for a metric that scores other answers.
    """
    _check(tuned, "the tuned model", metrics)
    _check(baseline, "the baseline", metrics)
    if differs := tuned.same_questions(baseline):
        raise Refused(
            f"The tuned model and the baseline were not asked the same questions: {differs}",
            remedy="Score both on the same part of the same split, in the same order.",
        )
    scalars = [metric for metric in metrics if metric.scalar]
    functions = [of_weights(metric, answers) for answers in (tuned, baseline) for metric in scalars]
    draws = resample(functions, tuned.rows, resamples=resamples, seed=seed, on_progress=on_progress)
    once, test = row_weights(tuned), _mcnemar(tuned, baseline)
    measures: dict[str, Measure] = {}
    for i, metric in enumerate(scalars):
        ours, theirs = draws[:, i], draws[:, len(scalars) + i]
        value, base = _number(functions[i](once)), _number(functions[len(scalars) + i](once))
        measures[metric.name] = Measure(
            value=value,
            interval=percentile(ours),
            baseline=base,
            difference=None if value is None or base is None else value - base,
            difference_interval=percentile(ours - theirs),
            method=_method(metric, tuned, "paired bootstrap", resamples, seed),
            mcnemar_p=test.p if test and metric.of_correct else None,
        )
    return measures, tables(tuned, metrics) | ({"discordant": _discordant(test)} if test else {})


def tables(answers: Scored, metrics: Sequence[Metric] = ()) -> dict[str, Any]:
    """Return the tables for people, as plain lists and dicts: those among the metrics, and always these.

    Of classes ``labels``, ``confusion_matrix``, ``per_class_f1``, and ``reliability`` where there are probabilities;
    of spans ``labels`` (the tags), ``tag_confusion`` and ``per_type_f1``; of texts ``examples``; of boxes ``labels``
    and ``per_class_ap``; of speech ``samples``.
    """
    wanted = {metric.name: metric for metric in metrics if not metric.scalar}
    out: dict[str, Any] = {}
    if isinstance(answers, Answers | SpanAnswers | BoxAnswers):
        out["labels"] = list(answers.labels)
    for metric in _always(answers):
        wanted.setdefault(metric.name, metric)
    out.update({name: metric.compute(answers) for name, metric in wanted.items()})
    if isinstance(answers, Answers) and answers.probabilities is not None:
        out["reliability"] = ece.reliability(answers)
    if isinstance(answers, TextAnswers):
        out["examples"] = examples(answers)
    if isinstance(answers, SpokenAnswers):
        out["samples"] = samples(answers)
    return out


def _always(answers: Scored) -> list[Metric]:
    if isinstance(answers, Answers):
        return [confusion_matrix.METRIC, per_class_f1.METRIC]
    if isinstance(answers, SpanAnswers):
        by_type = [per_type_f1.METRIC] if spans.scheme_of(answers.labels) else []
        return [tag_confusion.METRIC, *by_type]
    if isinstance(answers, BoxAnswers):
        return [per_class_ap.METRIC]
    return []


def _check(answers: Scored, who: str, metrics: Sequence[Metric]) -> None:
    check_takes(metrics, answers)
    answers.check(who)
    if answers.weights is not None:
        raise Refused(f"The answers of {who} carry row weights; every row of a test part counts once.")


def _mcnemar(tuned: Scored, baseline: Scored) -> McNemar | None:
    ours, theirs = tuned.correct(), baseline.correct()
    return None if ours is None or theirs is None else mcnemar(ours, theirs)


def _number(value: Any) -> float | None:
    # A report is canonical JSON, which knows no NaN; None is what the gate takes for "not measured".
    return float(value) if math.isfinite(value) else None


def _method(metric: Metric, answers: Scored, kind: str, resamples: int, seed: int) -> str:
    drawn = f"{kind}, {resamples} resamples, seed {seed}, 95 % percentile" if resamples else ""
    return "; ".join(filter(None, [drawn, metric.method(answers) if metric.method else ""]))


def _discordant(test: McNemar) -> dict[str, Any]:
    counts = dataclasses.asdict(test)
    return {
        "only_tuned": counts["only_first"],
        "only_baseline": counts["only_second"],
        "both": counts["both"],
        "neither": counts["neither"],
        "mcnemar_p": counts["p"],
    }
