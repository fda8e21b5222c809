"""Runs whose worker half is a trainer's, on a machine of its own: begun here, taken over, and handed back.

A host attempt prepares the data, declares and measures the baselines; then the run waits, and whoever takes it over
trains under an epoch and a key of its own. What is handed in goes back into the queue, and a host attempt judges it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from engram.errors import UsageError
from engram.pipeline import control
from engram.pipeline.folder import RunFolder
from engram.schema.state import State
from engram.server.platform import Platform
from engram.store.ingest import LEASE_SECONDS
from engram.store.records import attempts, runs
from engram.store.records.attempts import TRAINER, Attempt
from engram.store.records.runs import Run

# What a trainer is to do: ask again later, train, wait for the verdict, or read how it ended.
Next = Literal["preparing", "train", "judging", "ended"]
# Somebody or something stopped the run; it goes on only when it is asked to.
STOPPED: frozenset[State] = frozenset({"paused", "cancelled", "failed_user", "failed_platform"})


@dataclass(frozen=True)
class Standing:
    """A run and what its trainer is to do next."""

    run: Run
    next: Next


def look(tx: Connection, here: Platform, run: Run) -> Standing:
    """Say what a run's trainer is to do next.

    Raises UsageError for a run that is not for trainers.
    """
    folder = here.folder(run.id)
    if not folder.trained_elsewhere:
        raise UsageError(
            f"Run {run.id} is trained on the server's host.", remedy="Start one of a template: modulation/start"
        )
    if run.state in ("queued", "cancelling", "preempted") or _host_works(tx, run):
        return Standing(run, "judging" if folder.candidate.exists() else "preparing")
    waits = run.state in ("running", "lost_contact") or (run.state == "paused" and run.stage == "train")
    return Standing(run, "train" if waits and is_prepared(folder) else "ended")


def resume(tx: Connection, here: Platform, run: Run) -> Standing:
    """Let a run go on that was stopped: in the queue where it is the host's turn."""
    if run.state not in STOPPED:
        return look(tx, here, run)
    if is_prepared(here.folder(run.id)):
        return Standing(run, "train")
    return look(tx, here, runs.step_run(tx, run.id, "queued"))


def take_over(tx: Connection, here: Platform, run: Run) -> Attempt:
    """Begin a trainer's attempt; whoever trained before is fenced out, and old commands are taken back."""
    begun = attempts.start_attempt(tx, run.id, runner=TRAINER, seconds=LEASE_SECONDS)
    if run.state != "running":
        runs.step_run(tx, run.id, "running", stage="train")
    control.clear(here.folder(run.id).control)
    return begun


def give_back(tx: Connection, one: Attempt) -> Run:
    """Put a run whose candidate is in place back into the queue: a host attempt goes on with it."""
    attempts.change_attempt(tx, one.run, one.attempt, state="ended")
    found = runs.get_run(tx, one.run)
    if found.state == "lost_contact":
        found = runs.step_run(tx, one.run, "running")
    return runs.step_run(tx, one.run, "queued", stage="train") if found.state == "running" else found


def is_prepared(folder: RunFolder) -> bool:
    """Tell whether a run waits for its candidate: all that comes before the training is done."""
    before = (folder.path / "declared.json").exists() and all(folder.is_done(stage) for stage in ("data", "baseline"))
    return before and not folder.candidate.exists()


def _host_works(tx: Connection, run: Run) -> bool:
    if run.state not in ("running", "lost_contact") or run.attempt == 0:
        return False
    return attempts.get_attempt(tx, run.id, run.attempt).runner != TRAINER
