"""Measures of one model, and of a tuned model against its baseline."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from engram.errors import Refused
from engram.evaluate import confusion_matrix, ece, per_class_f1
from engram.evaluate.bootstrap import RESAMPLES, Progress, percentile, resample
from engram.evaluate.check import check_answers
from engram.evaluate.mcnemar import McNemar, mcnemar
from engram.evaluate.metric import Answers, Metric, of_weights
from engram.schema.report import Measure


def measure(
    answers: Answers,
    metrics: Sequence[Metric],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> dict[str, Measure]:
    """Return value and 95 % interval of every scalar metric; tables are left to `tables`.

    Raises Refused for answers that can't be scored and UsageError for too few resamples.
    """
    _check(answers, "the model")
    scalars = [metric for metric in metrics if metric.scalar]
    functions = [of_weights(metric, answers) for metric in scalars]
    draws = resample(functions, len(answers.truth), resamples=resamples, seed=seed, on_progress=on_progress)
    return {
        metric.name: Measure(
            value=_number(metric.compute(answers)),
            interval=percentile(draws[:, i]),
            method=_method("bootstrap", resamples, seed),
        )
        for i, metric in enumerate(scalars)
    }


def compare(
    tuned: Answers,
    baseline: Answers,
    metrics: Sequence[Metric],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> tuple[dict[str, Measure], dict[str, Any]]:
    """Return the measures of tuned against baseline, and the tables of the tuned model for people.

    difference is tuned minus baseline, whichever way is better; its interval is paired. Accuracy carries McNemar's p.
    Details: `labels`, `confusion_matrix`, `per_class_f1`, `discordant` (rows that only one model got right),
    `reliability` where there are probabilities, and every other table among the metrics.

    Raises Refused for answers that can't be scored, or that do not answer the same questions, and UsageError for too
    few resamples.
    """
    _check(tuned, "the tuned model")
    _check(baseline, "the baseline")
    if tuned.labels != baseline.labels:
        raise Refused("The tuned model and the baseline know different labels, so they can't be compared.")
    if not np.array_equal(tuned.truth, baseline.truth):
        raise Refused(
            "The tuned model and the baseline were not asked the same questions: their true labels differ.",
            remedy="Score both on the same part of the same split, in the same order.",
        )
    scalars = [metric for metric in metrics if metric.scalar]
    functions = [of_weights(metric, answers) for answers in (tuned, baseline) for metric in scalars]
    draws = resample(functions, len(tuned.truth), resamples=resamples, seed=seed, on_progress=on_progress)
    test = mcnemar(tuned.truth == tuned.guess, baseline.truth == baseline.guess)
    measures: dict[str, Measure] = {}
    for i, metric in enumerate(scalars):
        ours, theirs = draws[:, i], draws[:, len(scalars) + i]
        value, base = _number(metric.compute(tuned)), _number(metric.compute(baseline))
        measures[metric.name] = Measure(
            value=value,
            interval=percentile(ours),
            baseline=base,
            difference=None if value is None or base is None else value - base,
            difference_interval=percentile(ours - theirs),
            method=_method("paired bootstrap", resamples, seed),
            mcnemar_p=test.p if metric.name == "accuracy" else None,
        )
    return measures, {**tables(tuned, metrics), "discordant": _discordant(test)}


def tables(answers: Answers, metrics: Sequence[Metric] = ()) -> dict[str, Any]:
    """Return the tables for people, as plain lists and dicts."""
    wanted = {metric.name: metric for metric in metrics if not metric.scalar}
    for metric in (confusion_matrix.METRIC, per_class_f1.METRIC):
        wanted.setdefault(metric.name, metric)
    out: dict[str, Any] = {"labels": list(answers.labels)}
    out.update({name: metric.compute(answers) for name, metric in wanted.items()})
    if answers.probabilities is not None:
        out["reliability"] = ece.reliability(answers)
    return out


def _check(answers: Answers, who: str) -> None:
    check_answers(answers, who)
    if answers.weights is not None:
        raise Refused(f"The answers of {who} carry row weights; every row of a test part counts once.")


def _number(value: Any) -> float | None:
    # A report is canonical JSON, which knows no NaN; None is what the gate takes for "not measured".
    return float(value) if math.isfinite(value) else None


def _method(kind: str, resamples: int, seed: int) -> str:
    return f"{kind}, {resamples} resamples, seed {seed}, 95 % percentile" if resamples else ""


def _discordant(test: McNemar) -> dict[str, Any]:
    counts = dataclasses.asdict(test)
    return {
        "only_tuned": counts["only_first"],
        "only_baseline": counts["only_second"],
        "both": counts["both"],
        "neither": counts["neither"],
        "mcnemar_p": counts["p"],
    }
