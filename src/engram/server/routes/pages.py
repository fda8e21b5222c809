"""Pages for people."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from engram import __version__
from engram.server.access import Here, Who
from engram.server.front_page import front_page
from engram.server.routes.health import problems_of

router = APIRouter(tags=["pages"])


@router.get("/", operation_id="pages.read", response_class=HTMLResponse)
def front(who: Who, here: Here, request: Request) -> HTMLResponse:
    """Show whether the server is well, how to begin, and every operation."""
    url = str(request.base_url).rstrip("/")
    return HTMLResponse(front_page(url, __version__, problems_of(here), request.app.openapi()))
