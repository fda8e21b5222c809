"""The lines that a person reads about a run's numbers: aligned, complete, and marked where less is better."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.cli import figures, live, runs, train
from engram.kinds.language.card import CARD
from engram.pipeline.folder import RunFolder
from engram.schema.codec import to_dict
from engram.schema.event import Event
from engram.schema.recipe import Data, Evaluate, Model, Recipe
from engram.schema.report import Measure, Report
from engram.schema.run import RunRecord

WAYS = {"loss": "min", "perplexity": "min", "span_f1": "max"}
RECORD = RunRecord("r_1", "toy", "language", "classify", "2026-01-01T00:00:00.000000Z", "published")


def evaluation(**metrics: Measure) -> Report:
    return Report("r_1", "evaluate", 40, metrics, details={"reference": "linear_probe"})


def test_numbers_stand_under_their_heads_whatever_the_names():
    lines = train.compared(
        evaluation(
            a_metric_with_quite_a_long_name=Measure(0.5, None, 0.25, 0.25, (0.125, 0.375)),
            perplexity=Measure(12.25, None, 28145.2, -28132.95, (-30000.0, -25000.0)),
        ),
        WAYS,
    )
    assert lines == [
        "metric                           linear probe   tuned  difference       95 % interval",
        "perplexity ↓                            28145  12.250      -28133    [-30000, -25000]",
        "a_metric_with_quite_a_long_name        0.2500  0.5000     +0.2500  [+0.1250, +0.3750]",
        "↓ lower is better",
    ]


def test_the_strongest_baseline_goes_by_its_own_name():
    report = evaluation(loss=Measure(2.0, None, 3.0, -1.0, (-1.5, -0.5)))
    others = {"untrained": {"loss": 9.0}, "ngram": {"loss": 3.0}, "strongest": {"loss": 3.0}}
    report = dataclasses.replace(report, details={"reference": "strongest", "baselines": others})
    assert train.compared(report, WAYS)[0].startswith("metric  n-gram model")


def test_what_was_not_measured_is_a_dash_and_stops_nothing():
    lines = train.compared(evaluation(perplexity=Measure(None, None, 3.0, None, None)), WAYS)
    assert lines[1].split() == ["perplexity", "↓", "3.0000", "–", "–", "–"]


def test_without_a_lower_is_better_there_is_no_arrow():
    said = "\n".join(train.compared(evaluation(span_f1=Measure(0.5, None, 0.25, 0.25, (0.1, 0.4))), WAYS))
    assert "↓" not in said


def test_baselines_alone_stand_beside_each_other():
    lines = train.measured({"majority": {"span_f1": 0.1}, "linear_probe": {"span_f1": 0.3, "loss": None}}, WAYS)
    assert [line.split() for line in lines] == [
        ["metric", "majority", "linear", "probe"],
        ["loss", "↓", "–", "–"],
        ["span_f1", "0.1000", "0.3000"],
        ["↓", "lower", "is", "better"],
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("abc_", min_size=1), st.floats(-1e6, 1e6)), min_size=1, max_size=5))
def test_every_line_of_a_table_ends_in_the_same_column(cells):
    lines = train.aligned(("metric", "tuned"), [(name, figures.figure(value)) for name, value in cells], {})
    assert len({len(line) for line in lines}) == 1


@settings(deadline=None)
@given(st.floats(-1e12, 1e12))
def test_a_figure_is_close_to_its_number(value):
    assert float(figures.figure(value)) == pytest.approx(value, rel=1e-3, abs=5e-4)


@pytest.fixture
def folder(tmp_path):
    """Return a run of the task classify that reports brier besides the card's measures."""
    recipe = Recipe(
        "toy", "language", "classify", Model("m"), Data(()), evaluate=Evaluate(metrics=("accuracy", "brier"))
    )
    made = RunFolder(tmp_path / "r_1")
    (tmp_path / "r_1").mkdir()
    from engram import files

    files.write_json(made.path / "recipe.json", to_dict(recipe))
    made.save_report(
        evaluation(
            brier=Measure(0.2, (0.1, 0.3), 0.4, -0.2, (-0.3, -0.1)),
            accuracy=Measure(0.9, (0.8, 1.0), 0.7, 0.2, (0.1, 0.3)),
        )
    )
    return made


def test_the_end_of_a_run_names_the_primary_measure_first_and_marks_the_recipes_metric(folder):
    said = train.summary(folder, Path("home"), dataclasses.replace(RECORD, artifact=""), Path("report.html"))
    assert [line.split()[0] for line in said[1:5]] == ["metric", "accuracy", "brier", "↓"]
    assert said[3].startswith("brier ↓")
    assert said[-1] == "Report        report.html"


@pytest.mark.parametrize(
    ("task", "metrics", "said"),
    [
        (
            "classify",
            {"accuracy": 0.9, "accuracy_difference": 0.2, "a": 1, "a_difference": 2},
            "accuracy 0.9000 (+0.2000)",
        ),
        ("tag", {"span_f1": 0.5, "span_f1_difference": -0.1}, "span_f1 0.5000 (-0.1000)"),
        ("gone", {"loss": 2.5, "loss_difference": -0.5}, "loss 2.5000 (-0.5000)"),
        ("classify", {}, "a reason"),
    ],
)
def test_the_list_of_runs_shows_the_tasks_primary_measure(task, metrics, said):
    record = dataclasses.replace(RECORD, task=task, metrics=metrics, reason="a reason")
    assert runs._headline(record) == said


def test_a_primary_measure_of_which_less_is_better_is_marked(monkeypatch):
    kpis = tuple(dataclasses.replace(kpi, better="min") for kpi in CARD.tasks["tag"].kpis)
    card = dataclasses.replace(CARD, tasks={"tag": dataclasses.replace(CARD.tasks["tag"], kpis=kpis)})
    monkeypatch.setattr("engram.registry.get", lambda what, name: card)
    metrics = {"span_f1": 0.5, "span_f1_difference": -0.1}
    assert runs._headline(dataclasses.replace(RECORD, task="tag", metrics=metrics)) == "span_f1 ↓ 0.5000 (-0.1000)"


def test_a_measure_that_is_absent_is_a_dash_while_a_run_works(capsys):
    with live.Live(None, None) as shown:
        shown.state(SimpleNamespace(state="running", stage="evaluate"))
        shown.event(Event("r", 1, 1, 1, "", "evaluate", "report", {"perplexity": None, "loss": 2.25}))
    assert "measured perplexity –, loss 2.25" in capsys.readouterr().out
