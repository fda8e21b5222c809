"""The audit: who did what, to what, with which outcome; by pages, as CSV, and proven to be whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from engram.server import csv_cells
from engram.server.access import Here, Who
from engram.server.auditing import check_audit
from engram.server.platform import Platform
from engram.server.route import Router
from engram.server.shapes.people import AuditChecked, LineList
from engram.store.pages import USUAL
from engram.store.records import audit
from engram.store.records.audit import Line, Wanted
from engram.store.times import from_micros, to_micros

router = Router(prefix="/api/v1/audit", tags=["audit"])
COLUMNS = (
    "id", "time", "actor", "via", "operation", "subject", "outcome", "reason", "address", "request", "detail",
)  # fmt: skip


def wanted_of(
    actor: str | None = None,
    operation: str | None = None,
    subject: str | None = None,
    since: Annotated[str | None, Query(alias="from", description="The first time, as 2026-11-20T15:00:00Z.")] = None,
    until: Annotated[str | None, Query(alias="to", description="The time before which.")] = None,
) -> Wanted:
    """Return which lines a request asks for; raises UsageError for what is no time."""
    times = {"since": since, "until": until}
    return Wanted(actor, operation, subject, **{name: to_micros(said) for name, said in times.items() if said})


Filter = Annotated[Wanted, Depends(wanted_of)]


@router.get("", operation_id="audit.list", response_model=LineList)
def listed(who: Who, here: Here, wanted: Filter, after: str | None = None, limit: int = USUAL) -> dict[str, Any]:
    """List lines, newest first."""
    with here.db.read() as tx:
        page = audit.list_lines(tx, wanted, after=after, limit=limit)
    return {"items": [shown(one) for one in page.items], "next": page.next}


@router.get("/export", operation_id="audit.export")
def export(who: Who, here: Here, wanted: Filter) -> StreamingResponse:
    """Return lines as CSV, oldest first; no cell of it is a formula."""
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_csv(here, wanted), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/check", operation_id="audit.verify", response_model=AuditChecked)
def check(who: Who, here: Here) -> dict[str, Any]:
    """Prove that no line was changed, dropped, added or moved; answers with the line that was."""
    root = check_audit(here)
    return {"ok": True, "size": root.size, "digest": root.digest}


def shown(one: Line) -> dict[str, Any]:
    """Return a line as the API shows it."""
    return {**vars(one), "time": from_micros(one.time)}


def _csv(here: Platform, wanted: Wanted) -> Iterator[str]:
    yield csv_cells.line(COLUMNS)
    last = 0
    while True:
        with here.db.read() as tx:
            page = audit.lines_after(tx, last, wanted=wanted)
        if not page:
            return
        for one in page:
            said = {**shown(one), "detail": json.dumps(one.detail, sort_keys=True) if one.detail else ""}
            yield csv_cells.line(said[name] for name in COLUMNS)
        last = page[-1].id
