"""Content filters: what they look for, a text to try them on, and what they decided."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from engram.errors import UsageError
from engram.security.filters.explain import explain
from engram.server.access import Here, Who
from engram.server.filter_settings import FilterSettings, parse_settings, read_settings, write_settings
from engram.server.filtering import filter_of, state_of
from engram.server.route import Router
from engram.server.routes.artifacts import find as find_artifact
from engram.server.shapes.house import DecidedList, FiltersOut, TriedOut
from engram.store.pages import USUAL
from engram.store.records.filter_decisions import list_decisions
from engram.store.times import from_micros

router = Router(prefix="/api/v1/filters", tags=["filters"])
MOST_CHARACTERS = 2_000_000


class FilterRule(BaseModel):
    """A pattern of RE2's syntax; upper and lower case are the same."""

    model_config = ConfigDict(extra="forbid")

    id: str
    pattern: str
    action: Literal["flag", "block"]


class LabelThreshold(BaseModel):
    """From which probability on a label acts."""

    model_config = ConfigDict(extra="forbid")

    label: str
    at_least: float
    action: Literal["flag", "block"] = "block"


class FilterClassifier(BaseModel):
    """An artifact of the task classify, and what its labels do."""

    model_config = ConfigDict(extra="forbid")

    artifact: str = Field(max_length=80)
    thresholds: list[LabelThreshold] = Field(max_length=100)


class NewFilters(BaseModel):
    """All of the filters' settings. version: the one that was read, 0 when they were never set."""

    model_config = ConfigDict(extra="forbid")

    rules: list[FilterRule]
    classifier: FilterClassifier | None = None
    on: list[Literal["requests", "responses", "datasets"]]
    version: int


class Tried(BaseModel):
    """A text to try the filters on; it is stored nowhere."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MOST_CHARACTERS)


@router.get("", operation_id="filters.read", response_model=FiltersOut)
def read(who: Who, here: Here) -> dict[str, Any]:
    """Return what is looked for, where, and whether a classifier looks too."""
    with here.db.read() as tx:
        return _shown(here, read_settings(tx))


@router.put("", operation_id="filters.write", response_model=FiltersOut)
def write(asked: NewFilters, who: Who, here: Here) -> dict[str, Any]:
    """Set the filters; a rule that is none is named, and a classifier must answer before it is believed."""
    wanted = parse_settings(asked.model_dump(mode="json", exclude={"version"}))
    if wanted.classifier is not None:
        artifact = find_artifact(here, who.to("artifacts.read"), wanted.classifier.artifact).digest
        (scores,) = here.core.classify(artifact, ["Is anybody there?"])
        if missing := [one.label for one in wanted.classifier.thresholds if one.label not in scores]:
            raise UsageError(
                f"The classifier knows no label {', '.join(map(repr, missing))}.",
                remedy=f"Known: {', '.join(sorted(scores))}.",
            )
    with here.db.write() as tx:
        made = write_settings(tx, wanted, who.principal.user, asked.version)
    who.said.update(rules=[one["id"] for one in made.rules], on=list(made.on), version=made.version)
    return _shown(here, made)


@router.post("/test", operation_id="filters.test", response_model=TriedOut, response_model_exclude_unset=True)
def test(asked: Tried, who: Who, here: Here) -> dict[str, Any]:
    """Show what each stage finds in a text, and what would be decided."""
    with here.db.read() as tx:
        settings = read_settings(tx)
    return explain(filter_of(here.core, settings), asked.text)


@router.get("/decisions", operation_id="filters.decisions", response_model=DecidedList)
def decisions(
    who: Who,
    here: Here,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = USUAL,
    subject: str | None = None,
    action: Literal["flag", "block"] | None = None,
) -> dict[str, Any]:
    """List what was flagged or blocked, newest first; the digest stands for the text."""
    with here.db.read() as tx:
        page = list_decisions(tx, subject=subject, action=action, after=after, limit=limit)
    return {"items": [{**asdict(one), "time": from_micros(one.time)} for one in page.items], "next": page.next}


def _shown(here: Here, settings: FilterSettings) -> dict[str, Any]:
    return {**settings.said(), "version": settings.version, "state": state_of(here.core, settings)}
