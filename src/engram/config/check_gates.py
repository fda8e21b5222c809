"""The gates block: stages that are judged, metrics that are measured there, demands that can be met or missed."""

from __future__ import annotations

import math
from collections.abc import Iterator

from engram import registry
from engram.errors import did_you_mean
from engram.schema.card import TaskCard
from engram.schema.codec import FieldProblem, Path
from engram.schema.criterion import Criterion
from engram.schema.recipe import Recipe
from engram.schema.takes import misfit


def check_gates(recipe: Recipe, task: TaskCard) -> list[FieldProblem]:
    """Return the faults of the gates; whether they loosen the card's is judged where gates are declared."""
    problems: list[FieldProblem] = []
    for stage, criteria in recipe.gates.items():
        if stage not in task.gates:
            told = f"no gate stands after a stage {stage!r}. Stages with gates: {', '.join(task.gates)}."
            problems.append(FieldProblem(("gates", stage), told, remedy=did_you_mean(stage, task.gates)))
            continue
        for index, criterion in enumerate(criteria):
            problems += _criterion(criterion, ("gates", stage, index), stage, task)
    return problems


def _criterion(criterion: Criterion, path: Path, stage: str, task: TaskCard) -> Iterator[FieldProblem]:
    if not criterion.is_complete():
        told = f"the criterion on {criterion.metric!r} must give exactly one of at_least, at_most, equals, gain_over."
        yield FieldProblem(path, told)
    for name in ("at_least", "at_most", "equals", "by"):
        bound = getattr(criterion, name)
        if bound is not None and not math.isfinite(bound):
            yield FieldProblem((*path, name), f"{name!r} must be a finite number, not {bound}.")
    if criterion.by and criterion.gain_over is None:
        yield FieldProblem((*path, "by"), "'by' only goes with gain_over.", remedy="Remove it, or write at_least.")
    if criterion.gain_over is not None and stage != "evaluate":
        told = f"a gain over the baseline is measured by the stage 'evaluate', not by {stage!r}."
        yield FieldProblem((*path, "gain_over"), told)
    known = _known(stage, task)
    if criterion.metric in known:
        return
    if stage == "evaluate" and criterion.metric in registry.names("metric"):
        primary = next(kpi.name for kpi in task.kpis if kpi.primary)
        if told := misfit(criterion.metric, primary):
            yield FieldProblem((*path, "metric"), told, remedy=f"Use one of {', '.join(known)}.")
            return
        if not registry.get("metric", criterion.metric).scalar:
            told = f"{criterion.metric!r} is a table for people, not a number that a gate can judge."
            yield FieldProblem((*path, "metric"), told, remedy=f"Use one of {', '.join(known)}.")
        return
    told = f"the stage {stage!r} does not measure {criterion.metric!r}. It measures: {', '.join(known)}."
    yield FieldProblem((*path, "metric"), told, remedy=did_you_mean(criterion.metric, known))


def _known(stage: str, task: TaskCard) -> list[str]:
    names = {criterion.metric for criterion in task.gates[stage]}
    if stage == "evaluate":
        names |= {kpi.name for kpi in task.kpis}
    return sorted(names)
