"""Commands to runs: pause, resume, cancel. What an attempt is asked for it hears with its next acknowledgement."""

from __future__ import annotations

from fastapi import Response
from sqlalchemy import Connection

from engram.errors import Refused
from engram.pipeline import control
from engram.schema.state import NEXT, State
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.routes.runs import find, told
from engram.server.shapes.runs import RunOut
from engram.store.records import attempts, runs
from engram.store.records.runs import Run

router = Router(prefix="/api/v1/runs", tags=["runs"])
RESUMABLE: frozenset[State] = frozenset(
    {"paused", "cancelled", "failed_user", "failed_platform", "preempted", "lost_contact"}
)


@router.post("/{run}/pause", operation_id="runs.pause")
def pause(run: str, who: Who, here: Here, response: Response) -> RunOut:
    """Ask a run to stop after its present step, with a checkpoint; `resume` goes on exactly there."""
    find(here, who, run)
    with here.db.write() as tx:
        found = runs.get_run(tx, run)
        if found.state != "running" and not _is_launching(tx, found):
            raise Refused(f"Run {run} is {found.state}; there is nothing to pause.")
        control.send(here.folder(run).control, "pause")
    return told(here, who, found, response)


@router.post("/{run}/resume", operation_id="runs.resume")
def resume(run: str, who: Who, here: Here, response: Response) -> RunOut:
    """Queue a run again that stopped before its end: its next attempt goes on from the last checkpoint."""
    find(here, who, run)
    with here.db.write() as tx:
        found = runs.get_run(tx, run)
        if found.state not in RESUMABLE:
            remedy = "A person must decide first." if found.state == "awaiting_review" else ""
            raise Refused(f"Run {run} is {found.state}; there is nothing to resume.", remedy=remedy)
        made = runs.step_run(tx, run, "queued")
    here.wake.set()
    return told(here, who, made, response)


@router.post("/{run}/cancel", operation_id="runs.cancel")
def cancel(run: str, who: Who, here: Here, response: Response) -> RunOut:
    """Cancel a run: at once while it waits, between two steps while it works; its checkpoint is kept.

    An attempt that has not stopped after 30 s is killed.
    """
    find(here, who, run)
    return told(here, who, cancel_run(here, run), response)


def cancel_run(here: Here, run: str) -> Run:
    """Cancel a run of somebody who has been let in already, and return it.

    Raises Refused when there is nothing to cancel.
    """
    with here.writing, here.db.write() as tx:  # publishing holds it too: a run is published or cancelled, never both
        made = _cancel(tx, here, runs.get_run(tx, run))
    here.wake.set()
    return made


def _cancel(tx: Connection, here: Here, run: Run) -> Run:
    if run.state == "cancelling":
        return run
    if run.artifact:
        raise Refused(f"Run {run.id} has published its artifact; there is nothing to cancel.")
    if run.state == "running":
        control.send(here.folder(run.id).control, "cancel")
        return runs.step_run(tx, run.id, "cancelling")
    if "cancelled" not in NEXT[run.state]:
        raise Refused(f"Run {run.id} is {run.state}; there is nothing to cancel.")
    attempts.end_attempts(tx, run.id)  # one that is being started hears with its first word that it is not wanted
    return runs.step_run(tx, run.id, "cancelled", reason=f"cancelled while it was {run.state}")


def _is_launching(tx: Connection, run: Run) -> bool:
    """Tell whether an attempt was started that has not said a word yet."""
    active = [one for one in attempts.list_attempts(tx, run.id) if one.state == "active"]
    return run.state == "queued" and active != []
