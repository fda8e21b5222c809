"""The application: its routes, what surrounds them, and how it is described. It never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute

from engram import __version__
from engram.errors import PlatformError
from engram.security.policy import check_operations
from engram.server import problems
from engram.server.access import caller_of
from engram.server.framing import Frame
from engram.server.live import messages, topics
from engram.server.live.hub import Hub
from engram.server.openapi import describe
from engram.server.platform import Platform
from engram.server.routers import ROUTERS
from engram.server.shipped import UI, load_pages
from engram.server.state_meters import watch_state
from engram.server.watching import Watch


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

    app.add_middleware(Frame, platform=platform)
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
