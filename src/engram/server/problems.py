"""Errors as problem documents (RFC 9457): what was wrong, and what to do; never a traceback, never a secret."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from engram import errors
from engram.errors import EngramError
from engram.security.logs import fields
from engram.server.openai_errors import openai_error, speaks_openai

MEDIA_TYPE = "application/problem+json"
FAULT = "This is a fault of Engram's; the server's log has more under this request id."

# The nearest class above an error decides. What a person can mend is 4xx, Engram's own fault 500.
STATUS: Mapping[type[EngramError], int] = {
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.Throttled: 429,
    errors.WeakPassword: 422,
    errors.UnsafeAddress: 422,
    errors.Blocked: 422,
    errors.Conflict: 409,
    errors.NoSlot: 409,
    errors.NoRoom: 507,
    errors.NotFound: 404,
    errors.Refused: 409,
    errors.HomeBusy: 409,
    errors.MissingExtra: 501,
    errors.ServerAway: 503,
    errors.UsageError: 422,
    errors.DataError: 422,
    errors.UserError: 400,
    errors.TrainingStopped: 409,
    errors.PlatformError: 500,
    EngramError: 500,
}


def status_of(error: EngramError) -> int:
    """Return the HTTP status of an error.

    >>> status_of(errors.NotFound("There is no run r_1.")), status_of(errors.NeedsReview("A person must look."))
    (404, 409)
    """
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def name_of(error: EngramError) -> str:
    """Return the name under which others know an error: that of its nearest class in engram.errors."""
    return str(next(cls.__name__ for cls in type(error).__mro__ if getattr(errors, cls.__name__, None) is cls))


def problem(
    request: HTTPConnection, status: int, detail: str, *, error: str = "", remedy: str = "", **more: Any
) -> Any:
    """Return a problem document as a response; below /v1/ in the shape that those clients read."""
    if speaks_openai(request):
        said, told = openai_error(status, f"{detail} {remedy}".strip(), more.get("problems", []))
        return JSONResponse(told, said)
    body = {
        "type": f"urn:engram:error:{error}" if error else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail.encode(errors="replace").decode(),  # it may repeat what is no text
        "instance": getattr(request.state, "id", ""),
        **({"error": error} if error else {}),
        **({"remedy": remedy} if remedy else {}),
        **more,
    }
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def as_problem(request: HTTPConnection, error: EngramError) -> Any:
    """Return the problem document of an error; what is Engram's own fault goes to the log with its traceback."""
    stale = isinstance(error, errors.Changed) and "if-match" in request.headers
    status = 412 if stale else status_of(error)
    if status == 500:
        said = fields(request=getattr(request.state, "id", ""))
        logging.getLogger(__name__).error("%s", error.message, exc_info=error, extra=said)
    answer = problem(request, status, error.message, error=name_of(error), remedy=error.remedy)
    if isinstance(error, errors.Throttled):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.NotSignedIn):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def install(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Let an application answer every error as a problem document; routes: all that it has."""

    @app.exception_handler(EngramError)
    async def engram_error(request: Request, error: EngramError) -> Any:
        return as_problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> Any:
        found = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()]
        said = "; ".join(f"{one['where']}: {one['what']}" for one in found)
        return problem(request, 422, said, error="UsageError", problems=found)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Any:
        if error.status_code == 404:
            return problem(
                request,
                404,
                "There is nothing here.",
                error="NotFound",
                remedy=hint(request.url.path, nouns_of(routes)),
            )
        found = [one.methods for one in routes if one.path_regex.match(request.url.path)]
        allowed = ", ".join(sorted({method for methods in found for method in methods or ()}))
        said = f"{request.method} is not understood here." if error.status_code == 405 else str(error.detail)
        answer = problem(request, error.status_code, said, remedy=f"Understood: {allowed}." if allowed else "")
        answer.headers.update({**(error.headers or {}), **({"Allow": allowed} if allowed else {})})
        return answer

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Any:
        return problem(request, 500, FAULT, error="PlatformError")


def nouns_of(routes: Sequence[APIRoute]) -> list[str]:
    """Return what there is under ``/api/v1``, sorted."""
    return sorted({one.path.split("/")[3] for one in routes if one.path.startswith("/api/v1/")})


def hint(path: str, nouns: Sequence[str]) -> str:
    """Return what somebody may have meant who asked for a path that leads nowhere.

    >>> hint("/api/v1/runs/", ["runs"])
    'A path has no slash at its end.'
    >>> hint("/api/v1/rums/r_1", ["runs", "ledger"])
    "Known under /api/v1: ledger, runs. Did you mean 'runs'?"
    """
    if len(path) > 1 and path.endswith("/"):
        return "A path has no slash at its end."
    known = f"Known under /api/v1: {', '.join(sorted(nouns))}."
    noun = path.removeprefix("/api/v1/").split("/")[0]
    return f"{known} {errors.did_you_mean(noun, nouns)}".strip()
