"""Which way is better is said once, for every measure that a run's gates and pages speak of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engram import registry
from engram.gate.criteria import judge
from engram.kinds.language.card import CARD
from engram.pipeline.directions import directions
from engram.pipeline.story_page import known
from engram.schema.criterion import Criterion
from engram.schema.recipe import Data, Evaluate, Model, Recipe
from engram.schema.report import Measure, Report

RECIPE = Recipe(name="toy", kind="language", task="classify", model=Model("m"), data=Data(sources=()))
TASK = CARD.tasks["classify"]


def with_metrics(*names: str) -> Recipe:
    return replace(RECIPE, evaluate=Evaluate(metrics=names))


def test_the_measures_of_the_card_come_first_and_the_primary_one_in_front():
    assert directions(TASK, RECIPE) == {kpi.name: kpi.better for kpi in TASK.kpis}
    turned = replace(TASK, kpis=TASK.kpis[::-1])
    assert next(iter(directions(turned, RECIPE))) == CARD.primary("classify").name


def test_a_metric_of_the_recipe_says_its_own_direction():
    assert directions(TASK, with_metrics("accuracy", "brier"))["brier"] == "min"


def test_a_metric_that_only_a_gate_names_has_its_direction_too():
    gated = replace(RECIPE, gates={"evaluate": (Criterion("brier", gain_over="baseline"),)})
    assert directions(TASK, gated)["brier"] == "min"


@pytest.mark.parametrize("name", ["confusion_matrix", "no_such_metric"])
def test_a_table_and_an_unknown_name_have_no_direction(name):
    assert name not in directions(TASK, with_metrics(name))


@pytest.mark.parametrize(("difference", "decision"), [(-0.1, "advance"), (0.1, "rollback")])
def test_a_gate_on_brier_passes_for_less_and_refuses_more(difference, decision):
    asked = (Criterion("brier", gain_over="baseline"),)
    ends = (difference - 0.02, difference + 0.02)
    report = Report("r", "evaluate", 50, {"brier": Measure(0.5 + difference, None, 0.5, difference, ends)})
    verdict = judge(report, asked, better=directions(TASK, replace(RECIPE, gates={"evaluate": asked})))
    assert verdict.decision == decision


def test_card_and_metric_agree_wherever_both_speak():
    said = {(kpi.name, kpi.better) for task in CARD.tasks.values() for kpi in task.kpis}
    assert said == {(name, registry.get("metric", name).better) for name, _ in said}


def test_the_page_of_a_kind_that_is_not_installed_knows_nothing_and_still_comes():
    assert known(replace(RECIPE, kind="gone")) == ({}, None)
    assert known(replace(RECIPE, task="gone")) == ({}, None)
    assert known(RECIPE)[1] == "classes"
    assert known(replace(RECIPE, task="tag"))[1] == "spans"
