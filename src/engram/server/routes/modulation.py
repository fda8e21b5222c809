"""The trainer's protocol: start, trials, telemetry, the candidate's files, stop and complete. Each may be repeated.

Until a recipe has parameters that are searched, its search space has one point: one trial without parameters.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Query
from pydantic import BaseModel, ConfigDict, Field

from engram.errors import Forbidden, StaleEpoch, UsageError
from engram.pipeline import control
from engram.server import candidates, trainers
from engram.server.access import Here, Who
from engram.server.leased import present
from engram.server.once import Key, once
from engram.server.queue import queue
from engram.server.route import Router
from engram.server.routes.models import Kpis, find_run, hand_in, report_metrics, verdict
from engram.server.routes.templates import load_template
from engram.store.ingest import LEASE_SECONDS
from engram.store.records import attempts, points, runs
from engram.store.times import from_micros

router = Router(prefix="/api/v1/modulation", tags=["modulation"])
TRIAL = "trial"


class Of(BaseModel):
    """Which run, and the epoch under which it is worked on."""

    model_config = ConfigDict(extra="forbid")

    run: str = Field(max_length=64)
    epoch: int = Field(ge=1)


class Start(BaseModel):
    """A template to begin a run of, or a run to take over. resume: whether a run that was stopped goes on."""

    model_config = ConfigDict(extra="forbid")

    template: str | None = Field(default=None, max_length=64)
    run: str | None = Field(default=None, max_length=64)
    set: list[str] = Field(default_factory=list, max_length=100)
    profile: str | None = None
    resume: bool = False


class Trial(Of):
    """How a trial went."""

    trial: int = Field(ge=0, le=0)
    metrics: Kpis


class Telemetry(Of):
    """What a trainer measured at a step."""

    step: int = Field(ge=0, lt=1 << 53)
    metrics: Kpis


class Stop(BaseModel):
    """Which run to cancel."""

    model_config = ConfigDict(extra="forbid")

    run: str = Field(max_length=64)


@router.post("/start", operation_id="modulation.start", status_code=201)
def start(asked: Start, who: Who, here: Here, key: Key = None) -> dict[str, Any]:
    """Begin a run of a template, or take a run's training over as soon as its data is prepared.

    `next` says what to do: ask again (`preparing`), `train` with the key that comes with it, wait for the verdict
    (`judging`), or read how the run `ended`. Whoever trained before is fenced out.
    """
    if who.principal.attempt is not None:
        raise Forbidden("An attempt starts no other.", remedy="Use the API key of a person.")
    if (asked.template is None) == (asked.run is None):
        raise UsageError("Name a template or a run, and not both.")
    if asked.template is not None:
        return _begin(here, who, asked, asked.template, key)
    run = find_run(here, who, str(asked.run))
    with here.db.write() as tx:
        found = runs.get_run(tx, run.id)
        standing = trainers.resume(tx, here, found) if asked.resume else trainers.look(tx, here, found)
        took: dict[str, Any] = {}
        if standing.next == "train":
            took = once(tx, who, key, asked, lambda: _taken(trainers.take_over(tx, here, standing.run)))
            if took["epoch"] != runs.get_run(tx, run.id).epoch:
                raise StaleEpoch(f"Another trainer has taken run {run.id} over since.", remedy="This one must stop.")
        found = runs.get_run(tx, run.id)
    here.wake.set()
    if took:  # made anew each time that it is asked, so that it is kept nowhere
        took = {**took, "key": here.make_key(found.owner, found.id, took["epoch"]), "lease_seconds": LEASE_SECONDS}
    said = {name: getattr(found, name) for name in ("recipe", "kind", "task", "state", "stage", "reason", "template")}
    return {"run": found.id, "next": standing.next, **said, **took}


@router.post("/next_trial", operation_id="modulation.next_trial")
def next_trial(asked: Of, who: Who, here: Here) -> dict[str, Any]:
    """Return the next trial's parameters, or that there is none: with nothing to search there is one, without any."""
    one = present(here, who, asked.run, asked.epoch)
    with here.db.read() as tx:
        done = points.is_reported(tx, asked.run, one.attempt, TRIAL)
    return {"run": asked.run, "trial": None if done else 0, "parameters": {}, "done": done}


@router.post("/report_trial", operation_id="modulation.report_trial")
def report_trial(asked: Trial, who: Who, here: Here) -> dict[str, Any]:
    """Keep how a trial went; telemetry, by which a search goes on and no gate decides."""
    return report_metrics(here, who, asked.run, asked.epoch, TRIAL, asked.trial, asked.metrics)


@router.post("/metrics", operation_id="modulation.metrics")
def metrics(asked: Telemetry, who: Who, here: Here) -> dict[str, Any]:
    """Keep numbers that a trainer reports; the same as `/models/{id}/metrics`."""
    return report_metrics(here, who, asked.run, asked.epoch, "reported", asked.step, asked.metrics)


@router.post("/stop", operation_id="modulation.stop")
def stop(asked: Stop, who: Who, here: Here) -> dict[str, Any]:
    """Cancel a run: its worker or judge stops between two steps, its checkpoint is kept. Asked twice, it is one."""
    run = find_run(here, who, asked.run)
    with here.db.write() as tx:
        found = runs.get_run(tx, run.id)
        if found.state in ("queued", "paused", "awaiting_review"):
            runs.step_run(tx, run.id, "cancelled", reason="Cancelled by its trainer.")
        elif found.state in ("running", "lost_contact"):
            control.send(here.folder(run.id).control, "cancel")
    return verdict(here, run.id)


@router.post("/complete", operation_id="modulation.complete")
def complete(asked: Of, who: Who, here: Here) -> dict[str, Any]:
    """Say that the training is done: hands in the candidate, as `/models/{id}/certify` with an epoch does."""
    hand_in(here, who, asked.run, asked.epoch)
    return verdict(here, asked.run)


@router.post("/artifacts/upload", operation_id="modulation.upload")
def upload(
    who: Who,
    here: Here,
    run: Annotated[str, Query(max_length=64)],
    epoch: Annotated[int, Query(ge=1)],
    file: Annotated[str, Query(max_length=100, description="candidate.json or weights.safetensors.")],
    size: Annotated[int, Query(ge=0, description="Bytes of the whole file.")],
    digest: Annotated[str, Query(max_length=80, description="sha256:… of the whole file.")],
    offset: Annotated[int, Query(ge=0, description="Where this piece begins.")] = 0,
    content: Annotated[bytes, Body(media_type="application/octet-stream")] = b"",
) -> dict[str, Any]:
    """Take in a piece of a candidate's file and say how much has arrived; go on from there, also after a crash."""
    one = present(here, who, run, epoch)
    if one.runner != attempts.TRAINER or one.state == "ended":
        raise UsageError(f"Attempt {one.attempt} of run {run} takes no files.", remedy="Start: modulation/start")
    piece = candidates.Piece(file, size, digest, offset, content)
    return {"file": file, "received": candidates.receive(here.folder(run), one.attempt, piece), "size": size}


def _begin(here: Here, who: Who, asked: Start, template: str, key: str | None) -> dict[str, Any]:
    loaded = load_template(here, who, template, asked.set, asked.profile)
    recipe, user = loaded.recipe, who.principal.user

    def make() -> dict[str, Any]:
        return {"run": queue(tx, here, user, loaded, template=template, elsewhere=True).id}

    with here.db.write() as tx:
        made: dict[str, Any] = once(tx, who, key, asked, make)
    here.wake.set()
    said = {"kind": recipe.kind, "task": recipe.task, "recipe": recipe.name, "template": template}
    return {**made, "next": "preparing", **said}


def _taken(one: attempts.Attempt) -> dict[str, Any]:
    return {"attempt": one.attempt, "epoch": one.epoch, "lease_until": from_micros(one.lease_until)}
