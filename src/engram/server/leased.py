"""Whose lease it is: only the present attempt of a run, under its epoch, may speak for it."""

from __future__ import annotations

from sqlalchemy import Connection

from engram.errors import NotFound, StaleEpoch, UsageError
from engram.server.access import Caller
from engram.server.platform import Platform
from engram.store.records import attempts, runs
from engram.store.records.attempts import Attempt


def present(
    here: Platform, who: Caller, run: str, epoch: int, attempt: int | None = None, tx: Connection | None = None
) -> Attempt:
    """Return a run's present attempt, if the caller speaks for it.

    attempt: which one the caller says that it is; None where the epoch alone names it. tx: a transaction to look in,
    for a decision that is made by what was found.

    Raises NotFound as if there were no such run, StaleEpoch for one that was replaced, UsageError for another number.
    """
    if tx is None:
        with here.db.read() as reading:
            return present(here, who, run, epoch, attempt, reading)
    found = runs.maybe_run(tx, run)
    who.require(f"run {run}", found.owner if found else None, run=run, epoch=found.epoch if found else None)
    if found is None or found.attempt == 0:
        raise NotFound(f"There is no attempt of run {run}.", remedy="Start one: POST /api/v1/modulation/start")
    if epoch != found.epoch:
        raise StaleEpoch(f"Run {run} is at epoch {found.epoch}, not {epoch}.", remedy="This attempt must stop.")
    if attempt not in (None, found.attempt):
        raise UsageError(
            f"Epoch {epoch} of run {run} is attempt {found.attempt}'s, not attempt {attempt}'s.",
            remedy="An attempt speaks for itself only.",
        )
    return attempts.get_attempt(tx, run, found.attempt)
