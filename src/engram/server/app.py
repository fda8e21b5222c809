"""The application: routes, problems, request ids and limits of size. It never imports torch."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute, APIWebSocketRoute

from engram import __version__
from engram.errors import PlatformError
from engram.security.policy import check_operations
from engram.server import doors, problems
from engram.server.access import caller_of
from engram.server.auditing import record_in
from engram.server.listening import wants_https_kept
from engram.server.live import messages, topics
from engram.server.live.hub import Hub
from engram.server.openapi import describe
from engram.server.platform import Platform
from engram.server.request_audit import line_of
from engram.server.routers import ROUTERS
from engram.server.routes.openai import files as openai_files
from engram.server.shipped import UI, load_pages
from engram.server.state_meters import watch_state
from engram.server.versions import unless_known
from engram.server.watching import Watch

MOST_BODY_BYTES = 4 * 2**20
# Routes that read their bodies piece by piece, onto the disk.
LARGE_BODIES = {"/v1/files": openai_files.MOST_FILE_BYTES + 2**20}
# Routes that count what they read themselves, whatever the header says.
OWN_LIMIT = {"PATCH": re.compile(r"/api/v1/uploads/[^/]+")}
HTTPS_ONLY = "max-age=31536000"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app(platform: Platform, ui: Path = UI) -> FastAPI:
    """Make the application of a server. ui: the folder with the built pages.

    Raises UnknownName when a route or a live topic has no row in the policy table, PlatformError when a route doesn't
    ask who calls.
    """
    app = FastAPI(
        title="Engram", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.router.redirect_slashes = False  # a redirect would repeat the Host header to whoever sent it
    app.state.platform, app.state.hub, app.state.pages = platform, Hub(platform), load_pages(ui)
    watch_state(platform, platform.meters.registry)
    problems.install(app, api_routes())
    for module in ROUTERS:
        # As they are: what is included would be made a second time, at the first request that comes by.
        app.router.routes.extend(module.router.routes)
    check_operations(str(route.operation_id) for route in api_routes())
    check_operations([*topics.operations(), *(route.name for route in sockets())])
    for route in api_routes():
        if caller_of not in [one.call for one in route.dependant.dependencies]:
            raise PlatformError(
                f"The route {route.path} doesn't ask who calls.", remedy="Give it a parameter `who: Who`."
            )

    describe(app, api_routes())

    @app.middleware("http")
    async def frame(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Any:
        given = request.headers.get("x-request-id", "")
        request.state.id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        status = 500
        try:
            answer = _refused(platform, request) or unless_known(request, await go_on(request))
            status = answer.status_code
        finally:
            if line := line_of(request, status):
                await run_in_threadpool(record_in, platform.db, line)
        answer.headers["X-Request-ID"] = request.state.id
        for name, value in doors.HEADERS.items():
            answer.headers.setdefault(name, value)  # a page may be bound tighter
        if platform.tls and wants_https_kept(request.headers.get("host", "")):
            answer.headers["Strict-Transport-Security"] = HTTPS_ONLY
        if request.url.path.startswith(doors.PRIVATE):
            answer.headers["Cache-Control"] = "no-store"
        return answer

    app.add_middleware(Watch, meters=platform.meters)
    _describe_messages(app)
    return app


def api_routes() -> list[APIRoute]:
    """Return every route of the API."""
    return [route for module in ROUTERS for route in module.router.routes if isinstance(route, APIRoute)]


def sockets() -> list[APIWebSocketRoute]:
    """Return every WebSocket of the server; the name of each is its operation."""
    return [route for module in ROUTERS for route in module.router.routes if isinstance(route, APIWebSocketRoute)]


def _describe_messages(app: FastAPI) -> None:
    """Let the OpenAPI document describe the messages of `/ws` among its components; it knows no WebSockets itself."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = plain()
        if fresh:
            document.setdefault("components", {}).setdefault("schemas", {}).update(messages.schemas())
        return document

    app.openapi = described  # type: ignore[method-assign]


def _refused(platform: Platform, request: Request) -> Any:
    """Return the answer to what is not even looked at, or None."""
    most = LARGE_BODIES.get(request.url.path, MOST_BODY_BYTES)
    if _too_large(request, most):
        return problems.problem(request, 413, f"A body has at most {most} bytes here, and says how many.")
    if not doors.is_known_host(request.headers.get("host"), platform.base_url, platform.setting("server.hosts")):
        return problems.problem(
            request,
            421,
            "This server does not go by that name.",
            remedy="Call it by its own address, or let an Admin add the name to the setting server.hosts.",
        )
    if doors.has_secret(request.url.path, request.url.query):
        return problems.problem(
            request, 400, "A credential stands in the address.", remedy="Send it as: Authorization: Bearer <token>"
        )
    return None


def _too_large(request: Request, most: int) -> bool:
    own = OWN_LIMIT.get(request.method)
    if own is not None and own.fullmatch(request.url.path):
        return False
    said = request.headers.get("content-length")
    if said is None:  # sent in chunks of unknown sum: only an upload may do that
        return request.headers.get("transfer-encoding", "") != ""
    return not said.isdigit() or int(said) > most
