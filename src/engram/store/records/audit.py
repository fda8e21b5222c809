"""The audit: who did what, when, from where, and what came of it. Lines are added and never changed.

Each line holds the digest of the one before it; `engram.security.audit` makes and checks that chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from engram.errors import UsageError
from engram.store import tables
from engram.store.pages import MOST, USUAL, Page, columns, make_cursor, open_cursor, to_record


@dataclass(frozen=True)
class Line:
    """One line of the audit.

    id: from 1, without gaps. actor: a user's id; via: with what she came in. request: the id that the response bore.
    before: the digest of the line before it; digest: its own.
    """

    id: int
    time: int
    actor: str
    via: str
    operation: str
    subject: str
    outcome: str
    reason: str
    address: str
    request: str
    detail: Mapping[str, Any]
    before: str
    digest: str


@dataclass(frozen=True)
class Wanted:
    """Which lines are asked for; None asks nothing. since, until: microseconds, the first included, the second not."""

    actor: str | None = None
    operation: str | None = None
    subject: str | None = None
    since: int | None = None
    until: int | None = None


def add_line(tx: Connection, line: Line) -> None:
    """Add a line behind the last one; writers take turns, so nobody else has that place."""
    tx.execute(insert(tables.audit).values(**vars(line)))


def last_line(tx: Connection) -> Line | None:
    """Return the newest line, or None."""
    row = tx.execute(columns(tables.audit, Line).order_by(tables.audit.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else to_record(Line, row)


def first_number(tx: Connection) -> int | None:
    """Return the number of the oldest line that is kept, or None when there is none."""
    found: int | None = tx.execute(select(func.min(tables.audit.c.id))).scalar_one()
    return found


def list_lines(
    tx: Connection, wanted: Wanted | None = None, *, after: str | None = None, limit: int = USUAL
) -> Page[Line]:
    """Return a page of lines, newest first; raises UsageError for a limit outside 1 to 200 and for a false cursor."""
    if not 1 <= limit <= MOST:
        raise UsageError(f"A page holds 1 to {MOST} items, not {limit}.", remedy=f"Ask for at most {MOST}.")
    audit = tables.audit
    query = columns(audit, Line).where(*_conditions(wanted or Wanted()))
    if after is not None:
        query = query.where(audit.c.id < open_cursor("audit", after)[0])
    found = [to_record(Line, row) for row in tx.execute(query.order_by(audit.c.id.desc()).limit(limit + 1))]
    more = make_cursor("audit", found[limit - 1].id, "") if len(found) > limit else None
    return Page(tuple(found[:limit]), more)


def lines_after(tx: Connection, id: int, limit: int = MOST, wanted: Wanted | None = None) -> tuple[Line, ...]:
    """Return the lines behind a number, oldest first."""
    audit = tables.audit
    query = columns(audit, Line).where(audit.c.id > id, *_conditions(wanted or Wanted()))
    return tuple(to_record(Line, row) for row in tx.execute(query.order_by(audit.c.id).limit(limit)))


def last_number_before(tx: Connection, time: int) -> int:
    """Return the number of the newest line that is older than a time, 0 when there is none."""
    audit = tables.audit.c
    return tx.execute(select(func.max(audit.id)).where(audit.time < time)).scalar_one() or 0


def forget_lines(tx: Connection, below: int) -> int:
    """Remove the lines below a number; return how many. The newest stays, whatever the number: the next follows it."""
    audit = tables.audit
    newest = select(func.max(audit.c.id)).scalar_subquery()
    return tx.execute(delete(audit).where(audit.c.id < below, audit.c.id < newest)).rowcount


def _conditions(wanted: Wanted) -> list[Any]:
    audit = tables.audit.c
    pairs = ((audit.actor, wanted.actor), (audit.operation, wanted.operation), (audit.subject, wanted.subject))
    found = [column == value for column, value in pairs if value is not None]
    found += [audit.time >= wanted.since] if wanted.since is not None else []
    return found + ([audit.time < wanted.until] if wanted.until is not None else [])
