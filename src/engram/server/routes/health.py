"""Is the server alive, and can it work?"""

from __future__ import annotations

from typing import Any

from fastapi import Response

from engram import __version__
from engram.errors import EngramError
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.shapes.house import Readiness
from engram.store.database import now

router = Router()


@router.get("/healthz", operation_id="health.live")
def live(who: Who) -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/readyz", operation_id="health.ready", response_model=Readiness)
def ready(who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Say whether database and core answer; 503 when one does not."""
    found = problems_of(here)
    if found:
        response.status_code = 503
    return {"status": "waiting" if found else "ready", "problems": found}


def problems_of(here: Here) -> dict[str, str]:
    """Return what is not well, by part; empty when the server can work."""
    found = {"database": _try(lambda: _ask_database(here)), "core": _try(here.core.health)}
    return {part: said for part, said in found.items() if said}


def _ask_database(here: Here) -> None:
    with here.db.read() as tx:
        now(tx)


def _try(ask: Any) -> str:
    try:
        ask()
    except EngramError as error:
        return error.message
    return ""
