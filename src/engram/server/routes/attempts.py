"""What an attempt asks of the server: take events, declare, judge, publish. All of it may be asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from engram import files
from engram.artifacts.store import folder_of
from engram.errors import Cancelled, Conflict, Forbidden, Refused, StaleEpoch
from engram.pipeline import control
from engram.proc import crashpoint
from engram.schema.codec import from_dict
from engram.schema.event import Event
from engram.schema.state import NEXT, State
from engram.server.access import Here, Who
from engram.server.drain import STOPPED, command_of
from engram.server.leased import present
from engram.server.route import Router
from engram.server.spool import take_in
from engram.store.ingest import ingest
from engram.store.records import artifacts, attempts, evidence, runs
from engram.store.records.attempts import HOST, Attempt

router = Router(prefix="/api/v1/runs/{run}/attempts/{attempt}", tags=["attempts"])
Number = Annotated[int, Path(ge=1)]
# An attempt may say that it works or how it ended; queues and leases are the server's.
TOLD: tuple[State, ...] = (
    "running",
    "paused",
    "awaiting_review",
    "cancelled",
    "failed_user",
    "failed_platform",
    "refused",
    "published",
)
# A trainer trains. What it hands in is judged on the host, so it never says how that ends.
TRAINERS: tuple[State, ...] = ("running", "paused", "cancelled", "failed_user", "failed_platform")
AT_WORK: tuple[State, ...] = ("running", "cancelling")


class Told(BaseModel):
    """What every message of an attempt carries: the epoch under which it was leased."""

    model_config = ConfigDict(extra="forbid")

    epoch: int = Field(ge=1)


class Events(Told):
    """A piece of the journal; an empty one renews the lease."""

    events: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)


class Judged(Told):
    """Which stage was judged."""

    stage: str = Field(max_length=40)


class Standing(Told):
    """Where the run stands."""

    state: str = Field(max_length=40)
    stage: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=4000)


@router.post("/events", operation_id="attempts.events")
def events(run: str, attempt: Number, said: Events, who: Who, here: Here) -> dict[str, Any]:
    """Store events once, renew the lease, and say what the server wants."""
    one = present(here, who, run, said.epoch, attempt)
    found = [from_dict(Event, event) for event in said.events]
    with here.db.write() as tx:
        ack = ingest(tx, run, attempt, said.epoch, found)
        if one.runner != HOST and one.state == "lost" and runs.get_run(tx, run).state == "lost_contact":
            runs.step_run(tx, run, "running")  # a trainer that was silent is back
    crashpoint("server.after-ingest")
    command = command_of(here, run, of_host=one.runner == HOST)
    if one.runner != HOST and command == "checkpoint":
        control.clear(here.folder(run).control)  # it is given once; on the host the worker takes it away itself
    return {"acked": ack.acked, "lease_until": ack.lease_until, "command": command}


@router.post("/state", operation_id="attempts.state")
def state(run: str, attempt: Number, said: Standing, who: Who, here: Here) -> dict[str, str]:
    """Note where the run stands; what is told twice changes nothing."""
    one = present(here, who, run, said.epoch, attempt)
    then: State = next((state for state in TOLD if state == said.state), "failed_platform")
    if one.runner != HOST and then not in TRAINERS:
        raise Forbidden(f"A trainer can't say that a run is {then}: the host judges.", remedy="Hand in a candidate.")
    reason = said.reason
    if then == "paused" and run in here.preempted and one.runner == HOST:
        then, reason = "preempted", STOPPED
    with here.db.write() as tx:
        present(here, who, run, said.epoch, attempt, tx)  # nobody has taken the run over since it was asked
        found = runs.get_run(tx, run)
        ended = attempts.get_attempt(tx, run, attempt).state == "ended"
        then = outcome(found.state, then)
        if ended and found.state != then:
            raise StaleEpoch(f"Attempt {attempt} of run {run} is over.", remedy="It must stop.")
        if found.state != then:
            if then not in NEXT[found.state]:
                raise Conflict(f"Run {run} is {found.state}; it can't become {then}.")
            found = runs.step_run(tx, run, then, reason=reason, stage=said.stage or None)
        elif (found.stage, found.reason) != (said.stage, reason):
            found = runs.change_run(tx, run, stage=said.stage, reason=reason)
        if then not in AT_WORK:
            attempts.change_attempt(tx, run, attempt, state="ended")
    crashpoint("server.after-state")
    if then not in AT_WORK:
        control.clear(here.folder(run).control)  # whatever it was asked for
        take_in(here, run)
    here.wake.set()
    return {"state": found.state}


@router.post("/declare", operation_id="attempts.declare")
def declare(run: str, attempt: Number, said: Told, who: Who, here: Here) -> dict[str, str]:
    """Enter in the ledger what will be judged."""
    _host(here, who, run, said.epoch, attempt)
    with here.writing, _far_enough(run):
        here.authority(run).declare()
    crashpoint("server.after-declared")
    return {"declared": run}


@router.post("/judged", operation_id="attempts.judge")
def judged(run: str, attempt: Number, said: Judged, who: Who, here: Here) -> dict[str, str]:
    """Check a verdict's evidence and enter it; answers with the refusal unless the run advances."""
    _host(here, who, run, said.epoch, attempt)
    folder = here.folder(run)
    with here.db.write() as tx:
        if report := folder.report(said.stage):
            evidence.put_report(tx, report)
        if verdict := folder.verdict(said.stage):
            evidence.put_verdict(tx, verdict)
    with here.writing, _far_enough(run):
        here.authority(run).judged(said.stage)
    crashpoint("server.after-judged")
    return {"stage": said.stage}


@router.post("/publish", operation_id="attempts.publish")
def publish(run: str, attempt: Number, said: Told, who: Who, here: Here) -> dict[str, Any]:
    """Make what was judged an artifact with a certificate; the ledger entry is the point of no return."""
    _host(here, who, run, said.epoch, attempt)
    with here.writing:  # a cancel takes it too: a run is published or cancelled, never both
        with here.db.read() as tx:
            if runs.get_run(tx, run).state in ("cancelling", "cancelled"):
                raise Cancelled(f"Run {run} was cancelled before it was published.", remedy="Resume it.")
        with _far_enough(run):
            digest, metrics = here.authority(run).publish()
        crashpoint("server.after-publish")
        place = folder_of(here.home / "artifacts", digest)
        with here.db.write() as tx:
            found = runs.change_run(tx, run, artifact=digest, metrics=metrics)
            artifacts.put_artifact(
                tx,
                digest=digest,
                name=found.recipe,
                owner=found.owner,
                run=run,
                kind=found.kind,
                task=found.task,
                bytes=sum(path.stat().st_size for path in place.rglob("*") if path.is_file()),
                entry=int(files.read_json(place / "certificate.json")["leaf_index"]),
                metrics=metrics,
            )
    return {"artifact": digest, "metrics": metrics}


def outcome(now: State, then: State) -> State:
    """Return the state in which a run is when its attempt says `then`; one that is being cancelled is cancelled by
    whatever ends it.

    >>> outcome("running", "paused"), outcome("cancelling", "running"), outcome("cancelling", "paused")
    ('paused', 'cancelling', 'cancelled')
    """
    if now != "cancelling":
        return then
    return now if then == "running" else then if then in NEXT[now] else "cancelled"


@contextmanager
def _far_enough(run: str) -> Iterator[None]:
    """Refuse what an attempt asks before the stage has left what it is about."""
    try:
        yield
    except FileNotFoundError as error:
        missing = PurePath(str(error.filename)).name
        raise Refused(
            f"Run {run} is not that far: there is no {missing}.", remedy="Finish its stages first."
        ) from error


def _host(here: Here, who: Who, run: str, epoch: int, attempt: int) -> Attempt:
    """Let only an attempt of the host come in, beside the ledger: it judges, and what it measured is evidence."""
    one = present(here, who, run, epoch, attempt)
    if one.runner != HOST:
        raise Forbidden(f"{who.operation} is for attempts of the server's host.", remedy="Hand in a candidate.")
    return one
