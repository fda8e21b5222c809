"""Runs: queued from a recipe, listed and watched, shared, pinned and deleted."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from engram.config.load import Loaded
from engram.errors import Refused, UsageError
from engram.files import remove_folder
from engram.schema.codec import to_dict
from engram.schema.state import flag
from engram.server.access import Here, Who
from engram.server.once import Key, once
from engram.server.queue import queue
from engram.server.route import Router
from engram.server.routes.catalogue import NAME, load
from engram.server.routes.templates import load_template
from engram.server.shapes.runs import EventList, EventOut, RunList, RunOut, RunRow, Validated
from engram.server.versions import IfMatch, tag, version_of
from engram.server.waiting import why
from engram.store.pages import USUAL
from engram.store.records import events, evidence, points, runs, users
from engram.store.records.runs import Run, RunSummary
from engram.store.times import from_micros

router = Router(prefix="/api/v1/runs", tags=["runs"])
# What the API shows of a run as it is stored, and which of that are times.
_OWN = tuple(one.name for one in fields(RunSummary) if one.name in RunOut.model_fields)
_TIMES = ("created", "started", "ended")
Named = Annotated[str, Query(max_length=100, description="Beginning of the recipe, or end of the id.")]


class NewRun(BaseModel):
    """What a run is made of."""

    model_config = ConfigDict(extra="forbid")

    recipe: str | None = Field(default=None, description="The name of a recipe.", pattern=NAME)
    template: str | None = Field(default=None, description="The id of a template, in place of a recipe.", max_length=40)
    set: list[str] = Field(default_factory=list, description="Changes: train.learning_rate=1e-4.", max_length=100)
    profile: str | None = None
    priority: int = Field(default=0, ge=-100, le=100)


class Changes(BaseModel):
    """What may be changed about a run that waits."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(ge=-100, le=100, description="A higher one is started earlier.")


class Shared(BaseModel):
    """Whether everybody here may see it."""

    model_config = ConfigDict(extra="forbid")

    shared: bool


class Pinned(BaseModel):
    """Whether it is kept: no clean-up takes anything of it, and it can't be deleted."""

    model_config = ConfigDict(extra="forbid")

    pinned: bool


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
    owner: str | None = None,
    named: Named = "",
    order: Literal["newest", "oldest"] = "newest",
) -> RunList:
    """List runs, newest first unless the oldest are asked for."""
    equal = {"state": state, "kind": kind, "recipe": recipe, "owner": owner}
    ask = who.asks(after, limit, equal=equal, oldest=order == "oldest")
    with here.db.read() as tx:
        page = runs.list_runs(tx, ask, named)
        names = users.names_of(tx, {run.owner for run in page.items})
        gates = evidence.decisions_of(tx, [run.id for run in page.items])
        trained = [run.id for run in page.items if run.attempt and not run.metrics]
        losses = points.extremes_of(tx, trained, "train", "valid_loss") if trained else {}
        items = [
            RunRow(
                **_said(run, waits(tx, here, who, run)),
                by=names.get(run.owner, ""),
                gates=gates.get(run.id, {}),
                validated=Validated(**vars(losses[run.id])) if run.id in losses else None,
            )
            for run in page.items
        ]
    return RunList(items=items, next=page.next)


@router.get("/{run}", operation_id="runs.read")
def read(run: str, who: Who, here: Here, response: Response) -> RunOut:
    """Return one run."""
    return told(here, who, find(here, who, run), response)


@router.patch("/{run}", operation_id="runs.update")
def change(run: str, asked: Changes, who: Who, here: Here, response: Response, if_match: IfMatch = None) -> RunOut:
    """Change the priority of a run; it counts while the run waits."""
    find(here, who, run)
    with here.db.write() as tx:
        made = runs.change_run(tx, run, version=version_of(if_match), priority=asked.priority)
    return told(here, who, made, response)


@router.put("/{run}/share", operation_id="runs.share")
def share(run: str, asked: Shared, who: Who, here: Here, response: Response, if_match: IfMatch = None) -> RunOut:
    """Let everybody here see a run, or nobody else any more."""
    find(here, who, run)
    with here.db.write() as tx:
        made = runs.change_run(tx, run, version=version_of(if_match), shared=asked.shared)
    return told(here, who, made, response)


@router.put("/{run}/pin", operation_id="runs.pin")
def pin(run: str, asked: Pinned, who: Who, here: Here, response: Response, if_match: IfMatch = None) -> RunOut:
    """Keep a run with all its checkpoints, or no longer."""
    find(here, who, run)
    with here.db.write() as tx:
        made = runs.change_run(tx, run, version=version_of(if_match), pinned=asked.pinned)
    return told(here, who, made, response)


@router.delete("/{run}", operation_id="runs.delete", status_code=204)
def delete(run: str, who: Who, here: Here, if_match: IfMatch = None) -> None:
    """Delete a run that ended: its folder and what is known of it. What it published stays, and so does the ledger.

    The ledger learns that it was deleted.
    """
    find(here, who, run)
    with here.writing:
        with here.db.write() as tx:
            found = runs.get_run(tx, run)
            if found.state not in runs.ENDED or found.pinned:
                why = "pinned" if found.pinned else found.state
                raise Refused(f"Run {run} is {why}; it can't be deleted.", remedy="Cancel it, or unpin it, first.")
            runs.delete_run(tx, run, version=version_of(if_match))
            here.ledger.append("run.deleted", run, {"state": found.state}, who.principal.user)
        remove_folder(here.folder(run).path)


@router.get("/{run}/events", operation_id="events.list")
def events_of(
    run: str,
    who: Who,
    here: Here,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> EventList:
    """Return what a run said after a cursor, in order."""
    find(here, who, run)
    with here.db.read() as tx:
        found = events.replay(tx, after, run=run, limit=limit)
    items = [EventOut(cursor=one.id, **to_dict(one.event)) for one in found]
    return EventList(items=items, next=items[-1].cursor if items else after)


def find(here: Here, who: Who, run: str) -> Run:
    """Return a run that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = runs.maybe_run(tx, run)
    return who.touch(found, f"run {run}")


def waits(tx: Connection, here: Here, who: Who, run: RunSummary) -> str:
    """Return why a run waits, as far as the caller may know."""
    return why(tx, here.standing, run, lambda one: who.may("runs.read", one.owner, shared=one.shared))


def told(here: Here, who: Who, run: Run, response: Response) -> RunOut:
    """Return a run with the ETag of its version."""
    with here.db.read() as tx:
        reason = waits(tx, here, who, run)
    tag(response, run.version, reason)
    return shown(run, reason)


def shown(run: Run, waits: str = "") -> RunOut:
    """Return a run as the API shows it."""
    return RunOut(**_said(run, waits))


def _said(run: RunSummary, waits: str) -> dict[str, Any]:
    said = {name: getattr(run, name) for name in _OWN}  # asdict copies the recipe
    times = {name: from_micros(said[name]) if said[name] is not None else None for name in _TIMES}
    return {**said, **times, "flag": flag(run.state), "waits": waits}
