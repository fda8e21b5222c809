"""What content filters decided, newest first; lines are added and never changed, and none holds a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert

from engram.errors import UsageError
from engram.store import tables
from engram.store.database import now
from engram.store.pages import MOST, USUAL, Page, columns, make_cursor, open_cursor, to_record


@dataclass(frozen=True)
class Decided:
    """One decision. request: the id that the response bore; side: request, response or dataset.

    subject: the deployment or dataset. digest: SHA-256 of the text.
    """

    request: str
    user: str
    side: str
    subject: str
    action: str
    stage: str
    rule: str
    classifier: str
    digest: str


@dataclass(frozen=True)
class Line(Decided):
    """A decision as it was stored."""

    id: int
    time: int


def record_decisions(tx: Connection, found: Iterable[Decided]) -> None:
    """Add lines, in their order."""
    time = now(tx)
    if lines := [{**asdict(one), "time": time} for one in found]:
        tx.execute(insert(tables.filter_decisions), lines)


def list_decisions(
    tx: Connection,
    *,
    subject: str | None = None,
    action: str | None = None,
    after: str | None = None,
    limit: int = USUAL,
) -> Page[Line]:
    """Return a page of lines, newest first; raises UsageError for a limit outside 1 to 200 and for a false cursor."""
    if not 1 <= limit <= MOST:
        raise UsageError(f"A page holds 1 to {MOST} items, not {limit}.", remedy=f"Ask for at most {MOST}.")
    table = tables.filter_decisions
    query = columns(table, Line)
    for name, value in (("subject", subject), ("action", action)):
        if value is not None:
            query = query.where(table.c[name] == value)
    if after is not None:
        query = query.where(table.c.id < open_cursor("filter_decisions", after)[0])
    found = [to_record(Line, row) for row in tx.execute(query.order_by(table.c.id.desc()).limit(limit + 1))]
    more = make_cursor("filter_decisions", found[limit - 1].id, "") if len(found) > limit else None
    return Page(tuple(found[:limit]), more)
