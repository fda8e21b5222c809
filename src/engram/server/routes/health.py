"""Is the server alive, and can it work?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from engram import __version__
from engram.errors import EngramError
from engram.server.access import Here, Who
from engram.store.database import now

router = APIRouter()


@router.get("/healthz", operation_id="health.live")
def live(who: Who) -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/readyz", operation_id="health.ready")
def ready(who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Say whether database and core answer; 503 when one does not."""
    found = {"database": _try(lambda: _ask_database(here)), "core": _try(here.core.health)}
    if any(found.values()):
        response.status_code = 503
    return {"status": "waiting" if any(found.values()) else "ready", "problems": {k: v for k, v in found.items() if v}}


def _ask_database(here: Here) -> None:
    with here.db.read() as tx:
        now(tx)


def _try(ask: Any) -> str:
    try:
        ask()
    except EngramError as error:
        return error.message
    return ""
