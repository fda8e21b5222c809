"""The application: routes, problems, request ids and limits of size. It never imports torch."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from engram import __version__
from engram.errors import PlatformError
from engram.security.policy import check_operations
from engram.server import problems
from engram.server.access import caller_of
from engram.server.listening import wants_https_kept
from engram.server.platform import Platform
from engram.server.routes import (
    artifacts,
    attempts,
    catalogue,
    datasets,
    deployments,
    filters,
    health,
    home,
    ledger,
    models,
    modulation,
    pages,
    people,
    runs,
    templates,
    uploads,
)
from engram.server.routes.openai import chat, completions, embeddings, fine_tuning
from engram.server.routes.openai import files as openai_files
from engram.server.routes.openai import models as openai_models

OPENAI = (openai_models, chat, completions, embeddings, openai_files, fine_tuning)
ROUTERS = (
    health,
    people,
    catalogue,
    runs,
    attempts,
    artifacts,
    deployments,
    ledger,
    uploads,
    datasets,
    templates,
    pages,
    models,
    modulation,
    filters,
    home,
    *OPENAI,
)
MOST_BODY_BYTES = 4 * 2**20
# Routes that read their bodies piece by piece, onto the disk.
LARGE_BODIES = {"/v1/files": openai_files.MOST_FILE_BYTES + 2**20}
# Routes that count what they read themselves, whatever the header says.
OWN_LIMIT = {"PATCH": re.compile(r"/api/v1/uploads/[^/]+")}
HTTPS_ONLY = "max-age=31536000"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app(platform: Platform) -> FastAPI:
    """Make the application of a server.

    Raises UnknownName when a route has no row in the policy table, PlatformError when it doesn't ask who calls.
    """
    app = FastAPI(
        title="Engram", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.platform = platform
    problems.install(app)
    for module in ROUTERS:
        app.include_router(module.router)
    check_operations(str(route.operation_id) for route in api_routes())
    for route in api_routes():
        if caller_of not in [one.call for one in route.dependant.dependencies]:
            raise PlatformError(
                f"The route {route.path} doesn't ask who calls.", remedy="Give it a parameter `who: Who`."
            )

    @app.middleware("http")
    async def frame(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Any:
        given = request.headers.get("x-request-id", "")
        request.state.id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        most = LARGE_BODIES.get(request.url.path, MOST_BODY_BYTES)
        if _too_large(request, most):
            answer = problems.problem(request, 413, f"A body has at most {most} bytes here, and says how many.")
        else:
            answer = await go_on(request)
        answer.headers["X-Request-ID"] = request.state.id
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if platform.tls and wants_https_kept(request.headers.get("host", "")):
            answer.headers["Strict-Transport-Security"] = HTTPS_ONLY
        return answer

    return app


def api_routes() -> list[APIRoute]:
    """Return every route of the API; what an application includes it keeps in an order of its own."""
    return [route for module in ROUTERS for route in module.router.routes if isinstance(route, APIRoute)]


def _too_large(request: Request, most: int) -> bool:
    own = OWN_LIMIT.get(request.method)
    if own is not None and own.fullmatch(request.url.path):
        return False
    said = request.headers.get("content-length")
    if said is None:  # sent in chunks of unknown sum: only an upload may do that
        return request.headers.get("transfer-encoding", "") != ""
    return not said.isdigit() or int(said) > most
