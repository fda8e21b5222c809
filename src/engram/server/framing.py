"""What surrounds a request: its id, what is refused unseen, the line of the audit, and headers that bind browsers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders

from engram.server import doors, problems
from engram.server.auditing import record_in
from engram.server.listening import wants_https_kept
from engram.server.platform import Platform
from engram.server.request_audit import line_of
from engram.server.routes.openai import files as openai_files
from engram.server.routes.openai import transcriptions
from engram.server.versions import KEPT, is_known

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
START, BODY = "http.response.start", "http.response.body"
MOST_BODY_BYTES = 4 * 2**20
# Routes that read their bodies piece by piece, and count them.
LARGE_BODIES = {
    "/v1/files": openai_files.MOST_FILE_BYTES + 2**20,
    transcriptions.PATH: transcriptions.MOST_FORM_BYTES,
}
# Routes that count what they read themselves, whatever the header says.
OWN_LIMIT = {"PATCH": re.compile(r"/api/v1/uploads/[^/]+")}
HTTPS_ONLY = "max-age=31536000"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Frame:
    """The layer around the routes, and around the answers to their errors."""

    def __init__(self, app: App, platform: Platform) -> None:
        self._app, self._platform = app, platform

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; the audit has its line before the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        request.state.id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        begun = silent = False

        async def framed(message: Message) -> None:
            nonlocal begun, silent
            if message["type"] == START:
                begun = True
                await self._note(request, message["status"])
                headers = MutableHeaders(raw=list(message["headers"]))
                if silent := is_known(request.method, request.headers, message["status"], headers):
                    headers = MutableHeaders({name: headers[name] for name in KEPT if name in headers})
                    message = {**message, "status": 304}
                self._bind(request, headers)
                message = {**message, "headers": headers.raw}
            elif silent and message["type"] == BODY:
                if message.get("more_body", False):
                    return
                message = {"type": BODY, "body": b""}
            await send(message)

        try:
            refusal = _refused(self._platform, request)
            await (self._app if refusal is None else refusal)(scope, receive, framed)
        except BaseException:
            if not begun:
                await self._note(request, 500)
            raise

    async def _note(self, request: Request, status: int) -> None:
        if line := line_of(request, status):
            await run_in_threadpool(record_in, self._platform.db, line)

    def _bind(self, request: Request, headers: MutableHeaders) -> None:
        headers["X-Request-ID"] = request.state.id
        for name, value in doors.HEADERS.items():
            headers.setdefault(name, value)  # a page may be bound tighter
        if self._platform.tls and wants_https_kept(request.headers.get("host", "")):
            headers["Strict-Transport-Security"] = HTTPS_ONLY
        if request.url.path.startswith(doors.PRIVATE):
            headers["Cache-Control"] = "no-store"


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
