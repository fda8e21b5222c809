"""Why a queued run waits, in words; what is another's has no name here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from engram.store.records import runs
from engram.store.records.runs import Run, RunSummary


@dataclass(frozen=True)
class Standing:
    """What the scheduler saw when it looked last. living: the runs that take a slot; away: why no core answers."""

    living: tuple[str, ...] = ()
    slots: int = 0
    away: str = ""


def why(tx: Connection, standing: Standing, run: RunSummary, may_see: Callable[[Run], bool]) -> str:
    """Return why a run is not started yet, empty for one that doesn't wait.

    may_see: whether who asks may be told which run takes a slot.
    """
    if run.state != "queued":
        return ""
    if standing.away:
        return f"the core is away: {standing.away}"
    if not standing.slots:
        return "the scheduler has not looked yet"
    before = runs.count_before(tx, run)
    if run.id in standing.living:
        return "it is being started"
    if before:
        return f"{before} {'run is' if before == 1 else 'runs are'} before it"
    if len(standing.living) < standing.slots:
        return "it is started next"
    known = [found for one in standing.living if (found := runs.maybe_run(tx, one)) is not None and may_see(found)]
    hidden = len(standing.living) - len(known)
    names = [one.id for one in known] + ([f"{hidden} of somebody else's"] if hidden else [])
    return f"{len(standing.living)} of {standing.slots} slots taken by {', '.join(names)}"
