"""Every request is seen from outside here: counted, timed to its last byte, and written to the log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from fastapi import Request

from engram.security.logs import fields
from engram.server.meters import Meters
from engram.server.problems import FAULT, problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
LOG = logging.getLogger(__name__)


class Watch:
    """The outermost layer of the application."""

    def __init__(self, app: App, meters: Meters) -> None:
        self._app, self._meters = app, meters

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, seen = perf_counter(), {"status": 0, "bytes": 0}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            elif message["type"] == "http.response.body":
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            request = Request(scope)
            LOG.exception("a fault", extra=fields(request=id_of(scope), operation=operation_of(scope)))
            if seen["status"]:  # the answer has begun, and can only break off
                raise
            answer = problem(request, 500, FAULT, error="PlatformError")
            answer.headers["X-Request-ID"] = id_of(scope)
            await answer(scope, receive, watched)
        finally:
            seconds = perf_counter() - began
            self._meters.request(operation_of(scope), scope["method"], seen["status"] or 500, seconds)
            LOG.info("request", extra=fields(**_line(scope), **seen, ms=round(1000 * seconds, 1)))


def operation_of(scope: Message) -> str:
    """Return the operation that a request asked for; empty where no route was found."""
    return str(getattr(scope.get("route"), "operation_id", "") or "")


def id_of(scope: Message) -> str:
    """Return a request's id."""
    return str(scope.get("state", {}).get("id", ""))


def _line(scope: Message) -> dict[str, Any]:
    """Return what the log says of a request: ids only, no names of people, no query, no body."""
    places, who = scope.get("path_params", {}), scope.get("state", {}).get("caller")
    operation = operation_of(scope)
    return {
        "request": id_of(scope),
        "method": scope["method"],
        "operation": operation,
        "path": "" if operation else scope["path"],
        "user": who.principal.user if who is not None else "",
        "run": places.get("run", ""),
        "deployment": places.get("name", "") if operation.startswith("deployments.") else "",
    }
