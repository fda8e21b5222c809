"""A run that ended early, or is only beginning, still has a report; each absent part says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engram.schema.report import Measure, Report
from engram.schema.state import STATES
from engram.schema.verdict import Finding, Verdict

PARTS = ("compare", "loss", "reliability", "confusion", "classes", "criteria", "data", "provenance")
DETAILS = ("labels", "confusion_matrix", "per_class_f1", "reliability", "majority", "baselines", "reference")


def test_a_run_refused_in_the_data_stage_says_so_everywhere(sample, look):
    leaked = Finding("leaked_test_rows", "==", 0, 12.0, False, "critical", 356, reason="12 test rows stand in train")
    sample.run = replace(sample.run, state="refused", stage="data", reason="12 test rows stand in train.")
    sample.reports, sample.curve = {}, []
    sample.verdicts = {"data": Verdict("r", "data", "rollback", (leaked,), "sha256:0")}
    seen = look(sample)
    assert "The run was refused in the data stage, and the tuned model has not been measured." in seen.text("main")
    assert "Data Roll back" in seen.text("stages")
    assert "Publish Not reached" in seen.text("stages")
    for part in ("compare", "loss", "reliability", "confusion", "classes"):
        assert "This run ended in the data stage." in seen.text(part)
    assert "Rows read 3 720" in seen.text("data")


def test_a_queued_run_says_what_will_come(sample, look):
    sample.run = replace(sample.run, state="queued", stage="", reason="")
    sample.recipe = replace(sample.recipe, gates={})
    sample.data, sample.reports, sample.verdicts, sample.curve, sample.provenance = None, {}, {}, [], {}
    seen = look(sample)
    assert "The run is queued, and the tuned model has not been measured." in seen.text("main")
    for part in PARTS:
        assert len(seen.text(part).split()) > 7
        assert "This run ended" not in seen.text(part)
    assert seen.text("stages").count("Waiting") == 7


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_badge_and_a_page(sample, look, state):
    sample.run = replace(sample.run, state=state, stage="train")
    sample.reports = {}
    assert not look(sample).unclosed


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [1, 2], [[1]], [{"label": "x"}], {"accuracy": "high"}])
def test_a_strange_detail_hides_its_part_and_breaks_nothing(sample, look, detail, value):
    report = sample.reports["evaluate"]
    sample.reports["evaluate"] = replace(report, details={**report.details, detail: value})
    seen = look(sample)
    assert not seen.unclosed
    assert "Accuracy rose from .813" in seen.text("main")


def test_metrics_without_intervals_or_baselines_still_show(sample, look):
    bare = {"accuracy": Measure(None), "macro_f1": Measure(float("nan")), "perplexity": Measure(12.5)}
    sample.reports = {"evaluate": Report("r", "evaluate", 10, bare)}
    sample.better = {"perplexity": "min"}
    words = look(sample).text("compare")
    assert "Accuracy –" in words
    assert "Perplexity (lower is better) 12.50" in words


def test_a_curve_of_one_point_is_drawn(sample, look):
    sample.curve = [{"step": 1, "loss": 0.5}]
    assert "Training loss stayed at .500 over 1 step. No validation has been recorded." in look(sample).text("loss")


def test_a_perfect_model_has_no_confused_pair(sample, look):
    details = {**sample.reports["evaluate"].details, "labels": ["a", "b"], "confusion_matrix": [[3, 0], [0, 0]]}
    sample.reports["evaluate"] = replace(sample.reports["evaluate"], details=details)
    assert "3 of 3 test rows are right; no class is taken for another." in look(sample).text("confusion")
