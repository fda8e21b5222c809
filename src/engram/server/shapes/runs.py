"""Runs, what they measured, and what people decided, as the API shows them; times are UTC."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from engram.schema.verdict import Decision


class RunOut(BaseModel):
    """A run. waits: why a queued one is not started yet; empty for every other."""

    id: str
    recipe: str
    owner: str
    kind: str
    task: str
    state: str
    flag: str
    stage: str
    reason: str
    waits: str = ""
    priority: int
    attempt: int
    artifact: str
    metrics: dict[str, float]
    pinned: bool
    shared: bool
    created: str
    started: str | None
    ended: str | None
    version: int


class Validated(BaseModel):
    """What validations say of a training: the loss of the last one, and the lowest one; each with its step."""

    last: float
    step: int
    lowest: float
    lowest_step: int


class RunRow(RunOut):
    """A run in a list. by: the name of its owner; gates: stage → what its gate said, those that judged by now.

    validated: while nothing is measured yet, how its training goes.
    """

    by: str
    gates: dict[str, Decision]
    validated: Validated | None


class RunList(BaseModel):
    """A page of runs; `next` continues the list."""

    items: list[RunRow]
    next: str | None


class RecipeChange(BaseModel):
    """One value of a run's recipe that its text does not say. path: the keys that lead to it."""

    path: list[str]
    value: Any


class RunRecipe(BaseModel):
    """The recipe of a run. text: every key that it used, as YAML; recipe: the same as data.

    written: the text that it began with, empty where that text alone can't be read any more; changes: what was changed
    for this run, laid over the text.
    """

    run: str
    digest: str
    text: str
    recipe: dict[str, Any]
    written: str
    changes: list[RecipeChange]


class EventOut(BaseModel):
    """One thing that an attempt said. cursor: where to go on reading."""

    cursor: int
    run: str
    attempt: int
    epoch: int
    seq: int
    time: str
    stage: str
    type: str
    body: dict[str, Any]
    format: str


class EventList(BaseModel):
    """Events in order; `next` is the cursor behind the last one."""

    items: list[EventOut]
    next: int


class MeasureOut(BaseModel):
    """One metric with its 95 % intervals. `value` is null when it is absent or not finite."""

    value: float | None
    interval: list[float] | None
    baseline: float | None
    difference: float | None
    difference_interval: list[float] | None
    method: str
    mcnemar_p: float | None


class Compared(BaseModel):
    """One metric of two runs. better: max, min, or empty where it is not known."""

    stage: str
    metric: str
    better: str
    a: MeasureOut | None
    b: MeasureOut | None


class Comparison(BaseModel):
    """Two runs side by side. recipes: dotted key → the value in each, where they differ."""

    a: str
    b: str
    recipes: dict[str, tuple[Any, Any]]
    metrics: list[Compared]


class ReportOut(BaseModel):
    """What one stage measured. n: rows behind the numbers."""

    run: str
    stage: str
    n: int
    metrics: dict[str, MeasureOut]
    split_digest: str
    times_scored: int
    details: dict[str, Any]
    format: str


class ReportList(BaseModel):
    """The reports of a run, by the order of their stages."""

    items: list[ReportOut]


class FindingOut(BaseModel):
    """One criterion, judged."""

    metric: str
    op: str
    threshold: float
    observed: float | None
    passed: bool
    severity: str
    n: int
    interval: list[float] | None
    reason: str


class VerdictOut(BaseModel):
    """What a gate said. digest: name it in a review, so that the decision fits no other verdict."""

    run: str
    stage: str
    decision: Literal["advance", "review", "rollback"]
    criteria: list[FindingOut]
    report_digest: str
    judged_by: str
    format: str
    digest: str


class VerdictList(BaseModel):
    """The verdicts of a run, by the order of their stages."""

    items: list[VerdictOut]


class WaitingOut(BaseModel):
    """A verdict that waits for a person. missed: the criteria that failed."""

    id: str
    run: str
    stage: str
    digest: str
    missed: list[FindingOut]
    created: str


class WaitingList(BaseModel):
    """A page of what waits, newest first."""

    items: list[WaitingOut]
    next: str | None


class ReviewOut(BaseModel):
    """What a person decided on a verdict, and why."""

    run: str
    stage: str
    decision: Literal["approve", "reject"]
    actor: str
    reason: str
    reason_digest: str
    verdict_digest: str
    time: str
    format: str


class ReviewList(BaseModel):
    """The reviews of a run, oldest first."""

    items: list[ReviewOut]
