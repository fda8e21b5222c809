"""Templates, settings and filters, as the API shows them; times are UTC."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

Sides = Literal["requests", "responses", "datasets"]


class TemplateOut(BaseModel):
    """A template. recipe: the name it began with; recipe_text: all of it as YAML; dataset: its digest, or empty."""

    id: str
    name: str
    owner: str
    kind: str
    task: str
    source: str
    revision: str
    digest: str
    recipe: str
    recipe_text: str
    dataset: str
    created: str
    updated: str
    version: int


class TemplateList(BaseModel):
    """A page of templates; `next` continues the list."""

    items: list[TemplateOut]
    next: str | None


class SettingOut(BaseModel):
    """A setting. version: 0 while nobody has changed it; which bounds there are its type says."""

    name: str
    value: Any
    default: Any
    help: str
    type: Literal["integer", "list", "block", "text"]
    least: int | None = None
    most: int | None = None
    unit: str | None = None
    pattern: str | None = None
    example: str | None = None
    version: int
    changed_by: str | None
    changed: str | None


class SettingList(BaseModel):
    """Every setting; `next` is always null."""

    items: list[SettingOut]
    next: str | None


class RuleOut(BaseModel):
    """A pattern of RE2's syntax, and what it does."""

    id: str
    pattern: str
    action: Literal["flag", "block"]


class ThresholdOut(BaseModel):
    """From which probability on a label acts."""

    label: str
    at_least: float
    action: Literal["flag", "block"]


class ClassifierOut(BaseModel):
    """An artifact of the task classify, and what its labels do."""

    artifact: str
    thresholds: list[ThresholdOut]


class FiltersOut(BaseModel):
    """What is looked for and where. state: whether a classifier looks, in words."""

    rules: list[RuleOut]
    classifier: ClassifierOut | None
    on: list[Sides]
    version: int
    state: str


class DecidedOut(BaseModel):
    """What the filters flagged or blocked. side: request, response or dataset; digest: stands for the text."""

    id: int
    time: str
    request: str
    user: str
    side: str
    subject: str
    action: str
    stage: str
    rule: str
    classifier: str
    digest: str


class DecidedList(BaseModel):
    """A page of decisions, newest first; `next` continues the list."""

    items: list[DecidedOut]
    next: str | None


class TriedLimits(BaseModel):
    """How long a text is, and may be."""

    characters: int
    most: int


class TriedNormal(BaseModel):
    """What normalising did. readings: ways in which the text was read; inside: texts found wrapped in it."""

    changed: bool
    readings: int
    inside: int


class TriedRule(BaseModel):
    """A rule that fits."""

    id: str
    action: Literal["flag", "block"]


class TriedClassifier(BaseModel):
    """What the classifier said. scores: label → the highest probability, where one answers."""

    state: str
    scores: dict[str, float] | None = None


class DecisionOut(BaseModel):
    """What would be done with a text, and why."""

    action: str
    stage: str
    rule: str
    digest: str
    classifier: str


class TriedOut(BaseModel):
    """What each stage finds in a text, and what would be decided."""

    limits: TriedLimits
    normalise: TriedNormal | None
    patterns: list[TriedRule]
    classifier: TriedClassifier
    decision: DecisionOut


class Readiness(BaseModel):
    """Whether the server can work. problems: part → what is wrong with it."""

    status: Literal["ready", "waiting"]
    problems: dict[str, str]


class ProviderOut(BaseModel):
    """A provider through which one may sign in. start: where the browser begins."""

    name: str
    start: str


class ProviderList(BaseModel):
    """The providers; `next` is always null."""

    items: list[ProviderOut]
    next: str | None


class Room(BaseModel):
    """What is taken and what there is, in bytes."""

    used: int
    most: int


class HomeStatus(BaseModel):
    """How a home stands. sealed: whether artifacts and datasets are encrypted on the disk from now on.

    own, everybody: what datasets and uploads take, and their quotas.
    """

    version: str
    sealed: bool
    disk: Room
    own: Room
    everybody: Room
