"""Events as they were taken in; `engram.store.ingest` writes them. A cursor that grows lets a reader go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from engram.schema.event import Event
from engram.store import tables
from engram.store.pages import MOST
from engram.store.times import from_micros


@dataclass(frozen=True)
class StoredEvent:
    """An event and its cursor, which is larger than that of every event that was committed before it."""

    id: int
    event: Event


def replay(
    tx: Connection,
    after: int = 0,
    *,
    run: str | None = None,
    types: Sequence[str] = (),
    visible_to: str | None = None,
    limit: int = MOST,
) -> tuple[StoredEvent, ...]:
    """Return the events behind a cursor in the order in which they were committed, at most ``limit`` of them."""
    events, runs = tables.events, tables.runs
    query = select(events).where(events.c.id > after)
    if run is not None:
        query = query.where(events.c.run == run)
    if types:
        query = query.where(events.c.type.in_(types))
    if visible_to is not None:
        # A join would let SQLite begin with the runs and sort all their events; so it walks on from the cursor.
        query = query.where(select(runs.c.id).where(runs.c.id == events.c.run, runs.c.owner == visible_to).exists())
    return tuple(map(_stored, tx.execute(query.order_by(events.c.id).limit(limit))))


def latest(tx: Connection, run: str, before: int | None, types: Sequence[str], limit: int) -> tuple[StoredEvent, ...]:
    """Return the newest events of a run of some types, newest first; before: the cursor of one that was seen."""
    events = tables.events
    query = select(events).where(events.c.run == run, events.c.type.in_(types))
    if before is not None:
        query = query.where(events.c.id < before)
    return tuple(map(_stored, tx.execute(query.order_by(events.c.id.desc()).limit(limit))))


def events_of(tx: Connection, run: str, attempt: int, first: int = 0, limit: int = MOST) -> tuple[Event, ...]:
    """Return the events of one attempt from a sequence number on, in order."""
    events = tables.events
    query = select(events).where(events.c.run == run, events.c.attempt == attempt, events.c.seq >= first)
    return tuple(_stored(row).event for row in tx.execute(query.order_by(events.c.seq).limit(limit)))


def newest(tx: Connection) -> int:
    """Return the cursor of the newest event, 0 when there is none; a reader that begins here sees only what comes."""
    return tx.execute(select(func.max(tables.events.c.id))).scalar_one() or 0


def heard_of(tx: Connection, after: int, limit: int) -> tuple[tuple[int, str], ...]:
    """Return cursor and run of the events behind a cursor, in order: who has news, without reading it."""
    events = tables.events.c
    query = select(events.id, events.run).where(events.id > after).order_by(events.id).limit(limit)
    return tuple((row.id, row.run) for row in tx.execute(query))


def last_of(tx: Connection, run: str, types: Sequence[str]) -> StoredEvent | None:
    """Return the newest event of a run that is of one of the types, or None."""
    events = tables.events
    query = select(events).where(events.c.run == run, events.c.type.in_(types)).order_by(events.c.id.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else _stored(row)


def _stored(row: Row[Any]) -> StoredEvent:
    event = Event(row.run, row.attempt, row.epoch, row.seq, from_micros(row.time), row.stage, row.type, row.body)
    return StoredEvent(row.id, event)
