"""Runs: what was asked, where each one stands, and the queue. A state changes by `engram.schema.state.step` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from sqlalchemy import ColumnElement, Connection, Select, delete, false, func, select

from engram.pipeline.folder import new_run_id
from engram.schema.state import NEXT, State, step
from engram.store import rows, tables
from engram.store.database import now
from engram.store.pages import Ask, Page, columns, list_page, to_record

MOST_ENDS = 100
# In these nothing works on the run: it ended, for good or until somebody resumes it.
ENDED: frozenset[State] = frozenset({"cancelled", "failed_user", "failed_platform", "refused", "published"})


@dataclass(frozen=True)
class RunSummary:
    """What a list needs of a run. metrics: headline numbers; attempt, epoch: the present ones, 0 before any.

    shared: with the house, to read. started: when it first ran; ended: when it ended, None again when it is resumed.
    deleted: since when only its row is left. change: grows with every change of any run, so that a reader can go on
    where it was.
    """

    id: str
    recipe: str
    owner: str
    kind: str
    task: str
    state: State
    stage: str
    reason: str
    priority: int
    attempt: int
    epoch: int
    recipe_digest: str
    split_digest: str
    metrics: Mapping[str, float]
    artifact: str
    template: str | None
    pinned: bool
    shared: bool
    started: int | None
    ended: int | None
    change: int
    deleted: int | None
    created: int
    updated: int
    version: int


@dataclass(frozen=True)
class Run(RunSummary):
    """One run whole. body: the resolved recipe."""

    body: Mapping[str, Any]


class RunChanges(TypedDict, total=False):
    """What may change about a run, besides its state."""

    stage: str
    reason: str
    priority: int
    split_digest: str
    metrics: Mapping[str, float]
    artifact: str
    pinned: bool
    shared: bool


def create_run(
    tx: Connection,
    *,
    recipe: str,
    owner: str,
    kind: str,
    task: str,
    body: Mapping[str, Any],
    recipe_digest: str = "",
    priority: int = 0,
    template: str | None = None,
    id: str | None = None,
) -> Run:
    """Queue a run; a higher priority is started earlier. Raises NotFound for an unknown owner or template."""
    identity = id or new_run_id()
    said = {"recipe": recipe, "kind": kind, "task": task, "body": body, "recipe_digest": recipe_digest}
    whose = {
        "id": identity,
        "owner": owner,
        "template": template,
        "priority": priority,
        "pinned": False,
        "shared": False,
    }
    empty = {"stage": "", "reason": "", "split_digest": "", "metrics": {}, "artifact": "", "attempt": 0, "epoch": 0}
    rows.add(tx, tables.runs, "run", {**whose, **said, **empty, "state": "queued", **rows.stamps(tx)})
    return get_run(tx, identity)


def get_run(tx: Connection, id: str, visible_to: str | None = None) -> Run:
    """Return a run; raises NotFound."""
    return rows.find(tx, tables.runs, Run, "run", visible_to, id=id)


def list_runs(tx: Connection, ask: Ask, named: str = "") -> Page[RunSummary]:
    """Return a page of runs, newest first; filters: state, kind, task, recipe, template, beginning of the recipe.

    named: the end of an id, as people read it off a screen, or where no id ends so the beginning of the recipe's name.
    """
    runs = tables.runs
    query = columns(runs, RunSummary).where(runs.c.deleted.is_(None))
    if named:
        query = query.where(_named(tx, named, ask))
    return list_page(tx, query, runs, lambda row: to_record(RunSummary, row), ask)


def _named(tx: Connection, named: str, ask: Ask) -> ColumnElement[bool]:
    """Return what is true of the runs that a few letters mean; what no run has is found out by indexes alone."""
    runs = tables.runs.c
    end = named.upper().removeprefix("R_")
    ids = tx.scalars(select(runs.id).where(runs.id.endswith(end, autoescape=True)).limit(MOST_ENDS)).all()
    if 0 < len(ids) < MOST_ENDS:  # more that end alike were not meant by their ends
        seen = select(runs.id).where(runs.id.in_(ids))
        if ask.visible_to is not None:  # whose id ends so must not be learnt from what is found in its place
            seen = seen.where((runs.owner == ask.visible_to) | (runs.shared if ask.with_shared else false()))
        if found := tx.scalars(seen).all():
            return runs.id.in_(found)
    recipes: list[str] = []
    at = runs.recipe >= named
    while (name := tx.scalar(select(func.min(runs.recipe)).where(at))) is not None and name.startswith(named):
        recipes.append(name)
        at = runs.recipe > name
    return runs.recipe.in_(recipes)


def count_runs(tx: Connection, visible_to: str | None = None) -> dict[State, int]:
    """Return how many runs are in each state that any is in."""
    runs = tables.runs.c
    query = select(runs.state, func.count()).where(runs.deleted.is_(None)).group_by(runs.state)
    if visible_to is not None:
        query = query.where(runs.owner == visible_to)
    return {row[0]: row[1] for row in tx.execute(query)}


def next_queued(tx: Connection) -> Run | None:
    """Return the queued run that is to start next: of the highest priority the oldest. None when none waits."""
    runs = tables.runs.c
    query = _idle(columns(tables.runs, Run).where(runs.state == "queued"))
    highest = _idle(select(func.max(runs.priority)).where(runs.state == "queued")).scalar_subquery()
    row = tx.execute(query.where(runs.priority == highest).order_by(runs.created, runs.id).limit(1)).one_or_none()
    return None if row is None else to_record(Run, row)


def step_run(
    tx: Connection, id: str, then: State, *, reason: str = "", stage: str | None = None, version: int | None = None
) -> Run:
    """Let a run take one step between states.

    Raises NotFound; PlatformError when the table of states has no such step; Changed when `version` is not the present
    one.
    """
    run = get_run(tx, id)
    time = now(tx)
    values: dict[str, Any] = {"state": step(run.state, then), "reason": reason}
    values["ended"] = time if then in ENDED else None
    if then == "running" and run.started is None:
        values["started"] = time
    if stage is not None:
        values["stage"] = stage
    rows.change(tx, tables.runs, "run", {"id": id}, values, version)
    return get_run(tx, id)


def change_run(tx: Connection, id: str, *, version: int | None = None, **changes: Unpack[RunChanges]) -> Run:
    """Change what is known of a run; raises NotFound, and Changed when `version` is not the present one."""
    rows.change(tx, tables.runs, "run", {"id": id}, changes, version)
    return get_run(tx, id)


def is_final(run: Run) -> bool:
    """Tell whether nothing can happen to a run any more."""
    return not NEXT[run.state]


def maybe_run(tx: Connection, id: str) -> Run | None:
    """Return a run, or None when there is none, or only what is left of a deleted one."""
    return rows.maybe(tx, tables.runs, Run, id=id, deleted=None)


def next_lost(tx: Connection, most: int, runner: str) -> Run | None:
    """Return the run that has been without an attempt longest, though nobody ended it; None when there is none.

    most: attempts in a row that got nowhere, after which a run that loses them is left to people; a report or a
    checkpoint is progress. What is preempted is no fault of the run's, so it always goes on. runner: whose the lost
    attempt was; what another one lost is not its to start.
    """
    gone, last = tables.runs.c, tables.attempts.c
    its = select(last.run).where(last.run == gone.id, last.attempt == gone.attempt, last.runner == runner)
    query = _idle(columns(tables.runs, Run).where(gone.state.in_(("lost_contact", "preempted")), its.exists()))
    for row in tx.execute(query.order_by(gone.updated, gone.id)):
        run = to_record(Run, row)
        if run.state == "preempted" or run.attempt - _last_progress(tx, run.id) < most:
            return run
    return None


def _last_progress(tx: Connection, run: str) -> int:
    """Return the last attempt of a run that got further than the one before it, 0 when none did."""
    events = tables.events.c
    query = select(func.max(events.attempt)).where(events.run == run, events.type.in_(("report", "checkpoint")))
    return int(tx.execute(query).scalar_one() or 0)


def changed_runs(tx: Connection, after: int, limit: int) -> tuple[Run, ...]:
    """Return the runs that changed behind a number, each once as it is now, in the order of their last changes."""
    query = columns(tables.runs, Run).where(tables.runs.c.change > after).order_by(tables.runs.c.change).limit(limit)
    return tuple(to_record(Run, row) for row in tx.execute(query))


def heard_of(tx: Connection, after: int, limit: int) -> tuple[tuple[int, str], ...]:
    """Return number and id of the runs that changed behind a number, in order, without reading them."""
    runs = tables.runs.c
    query = select(runs.change, runs.id).where(runs.change > after).order_by(runs.change).limit(limit)
    return tuple((row.change, row.id) for row in tx.execute(query))


def last_change(tx: Connection) -> int:
    """Return the number of the newest change of any run."""
    return rows.last_number(tx, tables.runs.name)


def count_before(tx: Connection, run: RunSummary) -> int:
    """Return how many queued runs are started before this one."""
    runs = tables.runs.c
    older = (runs.priority == run.priority) & ((runs.created < run.created) | _same_time(run))
    return rows.count(tx, tables.runs, runs.state == "queued", (runs.priority > run.priority) | older)


def delete_run(tx: Connection, id: str, *, version: int | None = None) -> Run:
    """Take a run out of sight with its events, points and evidence; its row stays, because the ledger names it."""
    rows.change(tx, tables.runs, "run", {"id": id}, {"deleted": now(tx), "pinned": False}, version)
    for table in (tables.events, tables.points, tables.reports, tables.verdicts, tables.reviews):
        tx.execute(delete(table).where(table.c.run == id))
    return get_run(tx, id)


def _same_time(run: RunSummary) -> Any:
    runs = tables.runs.c
    return (runs.created == run.created) & (runs.id < run.id)


def _idle(query: Select[Any]) -> Select[Any]:
    """Leave out the runs that an attempt has been started for already."""
    attempts = tables.attempts.c
    busy = select(attempts.attempt).where(attempts.run == tables.runs.c.id, attempts.state == "active")
    return query.where(~busy.exists())
