"""What can be trained, as the API shows it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, RootModel


class KindList(BaseModel):
    """The kinds of model, each with its card."""

    items: list[dict[str, Any]]
    next: str | None


class RecipeOut(BaseModel):
    """A recipe. number: its version, 0 for one that is shipped; created is empty there too."""

    name: str
    number: int
    title: str
    kind: str
    task: str
    owner: str
    digest: str = ""
    use: str = ""
    category: str = ""
    created: str | None = None


class RecipeList(BaseModel):
    """A page of recipes; `next` continues the list."""

    items: list[RecipeOut]
    next: str | None


class RecipeText(RecipeOut):
    """A recipe with its text."""

    text: str


class RecipeSchema(RootModel[dict[str, Any]]):
    """The JSON schema of a recipe (draft 2020-12), as `engram recipes schema` prints it."""


class FaultOut(BaseModel):
    """One fault of a recipe. line, column: from 1, 0 outside its text; key: dotted, as `train.seed`.

    suggestion: what was likely meant; it stands for the key where `about` is ``key``, for the value otherwise.
    """

    line: int
    column: int
    key: str
    message: str
    about: Literal["key", "value"]
    suggestion: str


class GateOut(BaseModel):
    """One criterion by which a run will be judged. own: the recipe asks it, not the card of the kind."""

    stage: str
    metric: str
    op: str
    threshold: float
    severity: str
    own: bool


class EarlierOut(BaseModel):
    """The newest published run of a recipe of this name. same: with exactly this recipe; seconds: from start to end."""

    run: str
    same: bool
    seconds: float


class KnownOut(BaseModel):
    """What is known before a run. rows, train_rows and steps are the most there can be; null where nothing is known."""

    rows: int | None
    train_rows: int | None
    steps: int | None
    earlier: EarlierOut | None


class RecipeChecked(BaseModel):
    """A recipe as a run would use it, or what is wrong with it. text: every key, as YAML; empty beside faults.

    profiles: the names that may be chosen; notes: sentences for people, as names of other tools that were understood.
    """

    valid: bool
    name: str
    text: str
    digest: str
    profiles: list[str]
    notes: list[str]
    problems: list[FaultOut]
    gates: list[GateOut]
    known: KnownOut
