"""Ingest: what attempts say becomes events and points, however often, in whatever order and pieces it arrives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, insert, select, tuple_, update

from engram.errors import StaleEpoch, UsageError
from engram.schema.event import Event
from engram.store import rows, tables
from engram.store.records.attempts import Attempt, expired, get_attempt, renew
from engram.store.records.runs import get_run
from engram.store.times import to_micros

__all__ = ["LEASE_SECONDS", "Ack", "append", "expired", "ingest"]

LEASE_SECONDS = 60
# How far events may run ahead of a gap: what waits for one to be filled is looked through at every delivery.
MOST_AHEAD = 100_000
# Of a metric event these say where it belongs; every other number in it is a point of a curve.
NOT_CURVES = ("step", "total")


@dataclass(frozen=True)
class Ack:
    """What an attempt hears back. acked: every event up to this number is stored (-1: none); it may forget those.

    lease_until: by the database's clock, in microseconds.
    """

    acked: int
    lease_until: int


def ingest(
    tx: Connection, run: str, attempt: int, epoch: int, events: Sequence[Event], *, seconds: int = LEASE_SECONDS
) -> Ack:
    """Take in what an attempt says, and renew its lease; no events at all are a sign of life.

    The same events again, in any order and in any pieces, change nothing. epoch: the one that the attempt's key is for.
    Raises NotFound; StaleEpoch when a newer attempt has the run; UsageError for events of something else.
    """
    present = get_run(tx, run).epoch
    if epoch < present:
        raise StaleEpoch(
            f"Epoch {epoch} of run {run} is over: attempt {attempt} was replaced, and the run is at epoch {present}.",
            remedy="This process must stop; what it did since its last checkpoint is done again.",
        )
    found = get_attempt(tx, run, attempt)
    if found.epoch != epoch:
        raise UsageError(f"Attempt {attempt} of run {run} has epoch {found.epoch}, not {epoch}.")
    acked = append(tx, found, events)
    return Ack(acked, renew(tx, found, seconds))


def append(tx: Connection, attempt: Attempt, events: Sequence[Event]) -> int:
    """Store an attempt's events without asking who has the run, and return the highest number without a gap below it.

    For journals that the home itself holds; what comes from outside goes through `ingest`.
    Raises UsageError for an event of another attempt, a later epoch, or with a false number or time.
    """
    fresh = {
        event.seq: event for event in reversed(events) if _belongs(event, attempt) and event.seq > attempt.acked_seq
    }
    known = _beyond(tx, attempt)
    new = [fresh[seq] for seq in sorted(fresh.keys() - known)]
    if not new:
        return attempt.acked_seq
    tx.execute(insert(tables.events), [_row(event) for event in new])
    _put_points(tx, [point for event in new for point in _points(event)])
    acked = _last_without_gap(attempt.acked_seq, known | fresh.keys())
    if acked != attempt.acked_seq:
        here = (tables.attempts.c.run == attempt.run, tables.attempts.c.attempt == attempt.attempt)
        tx.execute(update(tables.attempts).where(*here).values(acked_seq=acked))
    return acked


def _belongs(event: Event, attempt: Attempt) -> bool:
    """Tell that an event is this attempt's, or raise."""
    if (event.run, event.attempt) != (attempt.run, attempt.attempt) or event.epoch > attempt.epoch:
        raise UsageError(
            f"The event {event.seq} is of run {event.run}, attempt {event.attempt}, epoch {event.epoch}, and it was "
            f"sent for run {attempt.run}, attempt {attempt.attempt}, epoch {attempt.epoch}."
        )
    if not 0 <= event.seq <= attempt.acked_seq + MOST_AHEAD:
        raise UsageError(
            f"An event has the number {event.seq}; up to {attempt.acked_seq} are stored, and numbers begin at 0.",
            remedy=f"Send them from {attempt.acked_seq + 1} on.",
        )
    return True


def _beyond(tx: Connection, attempt: Attempt) -> set[int]:
    """Return the numbers that are stored behind the acknowledged ones: what waits for a gap to be filled."""
    events = tables.events.c
    query = select(events.seq).where(events.run == attempt.run, events.attempt == attempt.attempt)
    return set(tx.execute(query.where(events.seq > attempt.acked_seq)).scalars())


def _last_without_gap(acked: int, stored: set[int]) -> int:
    while acked + 1 in stored:
        acked += 1
    return acked


def _row(event: Event) -> dict[str, Any]:
    said = {name: getattr(event, name) for name in ("run", "attempt", "epoch", "seq", "stage", "type", "body")}
    return {**said, "time": to_micros(event.time)}


def _points(event: Event) -> Iterator[dict[str, Any]]:
    """Yield the points of a metric event; what is no finite number has no place in a chart, and stays in the event."""
    step = event.body.get("step")
    if event.type != "metric" or not isinstance(step, int) or isinstance(step, bool) or step < 0:
        return
    place = {"run": event.run, "stage": event.stage, "step": step, "time": to_micros(event.time)}
    for name, value in event.body.items():
        if name not in NOT_CURVES and _fits_a_chart(value):
            yield {**place, "name": name, "value": float(value), "attempt": event.attempt, "seq": event.seq}


def _fits_a_chart(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _put_points(tx: Connection, found: Sequence[dict[str, Any]]) -> None:
    """Store points; where a resumed attempt repeats a step the later word counts, whichever arrives first."""
    if not found:
        return
    points: Table = tables.points
    statement = rows.upsert(tx, points)
    said = statement.excluded
    later = tuple_(points.c.attempt, points.c.seq) < tuple_(said.attempt, said.seq)
    values = {name: said[name] for name in ("value", "time", "attempt", "seq")}
    keys = ["run", "stage", "name", "step"]
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=values, where=later), list(found))
