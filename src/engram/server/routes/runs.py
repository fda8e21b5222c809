"""Runs: queued from a recipe, watched, paused, resumed, cancelled, reviewed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engram.config.load import Loaded
from engram.errors import Refused, UsageError
from engram.pipeline import control
from engram.schema.codec import to_dict
from engram.schema.state import State, flag
from engram.server.access import Here, Who
from engram.server.once import Key, once
from engram.server.queue import queue
from engram.server.routes.catalogue import NAME, load
from engram.server.routes.templates import load_template
from engram.store.pages import USUAL, Ask
from engram.store.records import events, runs
from engram.store.records.runs import Run
from engram.store.times import from_micros

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])
LIVE: frozenset[State] = frozenset({"running", "lost_contact"})


class NewRun(BaseModel):
    """What a run is made of."""

    model_config = ConfigDict(extra="forbid")

    recipe: str | None = Field(default=None, description="The name of a recipe.", pattern=NAME)
    template: str | None = Field(default=None, description="The id of a template, in place of a recipe.", max_length=40)
    set: list[str] = Field(default_factory=list, description="Changes: train.learning_rate=1e-4.", max_length=100)
    profile: str | None = None
    priority: int = Field(default=0, ge=-100, le=100)


class RunOut(BaseModel):
    """A run as the API shows it; times are UTC."""

    id: str
    recipe: str
    owner: str
    kind: str
    task: str
    state: str
    flag: str
    stage: str
    reason: str
    priority: int
    attempt: int
    artifact: str
    metrics: dict[str, float]
    created: str
    started: str | None
    ended: str | None
    version: int


class RunList(BaseModel):
    """A page of runs; `next` continues the list."""

    items: list[RunOut]
    next: str | None


@router.post("", operation_id="runs.create", status_code=201)
def create(asked: NewRun, who: Who, here: Here, key: Key = None) -> RunOut:
    """Queue a run of a recipe or of a template. The same Idempotency-Key never makes a second one."""
    loaded = _wanted(here, who, asked)
    with here.db.write() as tx:
        answer = once(
            tx,
            who,
            key,
            asked,
            lambda: shown(queue(tx, here, who.principal.user, loaded, asked.priority, asked.template)),
        )
    here.wake.set()
    return RunOut.model_validate(answer)


def _wanted(here: Here, who: Who, asked: NewRun) -> Loaded:
    """Return the recipe that is asked for, by its name or by the template that it begins with."""
    if asked.recipe is not None and asked.template is None:
        return load(here, who, asked.recipe, asked.set, asked.profile)
    if asked.template is None or asked.recipe is not None:
        raise UsageError("A run has exactly one of recipe and template.", remedy="Name the one it begins with.")
    return load_template(here, who, asked.template, asked.set, asked.profile)


@router.get("", operation_id="runs.list")
def listed(
    who: Who,
    here: Here,
    after: str | None = None,
    limit: int = USUAL,
    state: str | None = None,
    kind: str | None = None,
    recipe: str | None = None,
) -> RunList:
    """List runs, newest first."""
    ask = Ask(who.visible_to, after, limit, equal={"state": state, "kind": kind, "recipe": recipe})
    with here.db.read() as tx:
        page = runs.list_runs(tx, ask)
    return RunList(items=[shown(run) for run in page.items], next=page.next)


@router.get("/{run}", operation_id="runs.read")
def read(run: str, who: Who, here: Here, response: Response) -> RunOut:
    """Return one run."""
    found = find(here, who, run)
    response.headers["ETag"] = f'"{found.version}"'
    return shown(found)


@router.get("/{run}/events", operation_id="events.list")
def told(
    run: str,
    who: Who,
    here: Here,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> dict[str, Any]:
    """Return what a run said after a cursor, in order."""
    find(here, who, run)
    with here.db.read() as tx:
        found = events.replay(tx, after, run=run, limit=limit)
    items = [{"cursor": one.id, **to_dict(one.event)} for one in found]
    return {"items": items, "next": items[-1]["cursor"] if items else after}


@router.post("/{run}/{command}", operation_id="runs.cancel")
def cancel(run: str, command: Literal["cancel"], who: Who, here: Here) -> RunOut:
    """Cancel a run: at once while it waits, between two steps while it works; its checkpoint is kept."""
    found = find(here, who, run)
    return _ask(here, found, "cancel")


def find(here: Here, who: Who, run: str) -> Run:
    """Return a run that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = runs.maybe_run(tx, run)
    return who.touch(found, f"run {run}")


def _ask(here: Here, run: Run, command: Literal["pause", "cancel"]) -> RunOut:
    if run.state in LIVE:
        control.send(here.folder(run.id).control, command)
        return shown(run)
    then: State = "cancelled" if command == "cancel" else "paused"
    if run.state not in ("queued", "paused", "awaiting_review") or then == "paused":
        raise Refused(f"Run {run.id} is {run.state}; there is nothing to {command}.")
    with here.db.write() as tx:
        return shown(runs.step_run(tx, run.id, then, reason="cancelled before it started"))


def shown(run: Run) -> RunOut:
    """Return a run as the API shows it."""
    said = {name: getattr(run, name) for name in RunOut.model_fields if hasattr(run, name)}  # asdict copies the recipe
    times = {
        name: from_micros(said[name]) if said[name] is not None else None for name in ("created", "started", "ended")
    }
    return RunOut(**{**said, **times, "flag": flag(run.state)})
