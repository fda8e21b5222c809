"""The audit: who did what, when, from where, and what came of it. Lines are added and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from engram.errors import UsageError
from engram.store import tables
from engram.store.database import now
from engram.store.pages import MOST, USUAL, Page, columns, make_cursor, open_cursor, to_record


@dataclass(frozen=True)
class Line:
    """One line of the audit. actor: a user's or key's id; request: the id that the response bore."""

    id: int
    time: int
    actor: str
    operation: str
    subject: str
    outcome: str
    address: str
    request: str
    detail: Mapping[str, Any]


def record(
    tx: Connection,
    *,
    actor: str,
    operation: str,
    subject: str = "",
    outcome: str = "ok",
    address: str = "",
    request: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line."""
    who = {"actor": actor, "operation": operation, "subject": subject, "outcome": outcome}
    where = {"address": address, "request": request, "detail": detail or {}}
    tx.execute(insert(tables.audit).values(time=now(tx), **who, **where))


def list_lines(
    tx: Connection,
    *,
    actor: str | None = None,
    operation: str | None = None,
    subject: str | None = None,
    since: int | None = None,
    until: int | None = None,
    after: str | None = None,
    limit: int = USUAL,
) -> Page[Line]:
    """Return a page of lines, newest first; raises UsageError for a limit outside 1 to 200 and for a false cursor."""
    if not 1 <= limit <= MOST:
        raise UsageError(f"A page holds 1 to {MOST} items, not {limit}.", remedy=f"Ask for at most {MOST}.")
    audit = tables.audit
    query = columns(audit, Line)
    for name, value in (("actor", actor), ("operation", operation), ("subject", subject)):
        if value is not None:
            query = query.where(audit.c[name] == value)
    if since is not None:
        query = query.where(audit.c.time >= since)
    if until is not None:
        query = query.where(audit.c.time < until)
    if after is not None:
        query = query.where(audit.c.id < open_cursor("audit", after)[0])
    found = [to_record(Line, row) for row in tx.execute(query.order_by(audit.c.id.desc()).limit(limit + 1))]
    more = make_cursor("audit", found[limit - 1].id, "") if len(found) > limit else None
    return Page(tuple(found[:limit]), more)


def lines_after(tx: Connection, id: int, limit: int = MOST) -> tuple[Line, ...]:
    """Return the lines behind a number, oldest first, as the hourly root in the ledger takes them."""
    audit = tables.audit
    query = select(*columns(audit, Line).selected_columns).where(audit.c.id > id).order_by(audit.c.id).limit(limit)
    return tuple(to_record(Line, row) for row in tx.execute(query))
