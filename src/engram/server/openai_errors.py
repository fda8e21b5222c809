"""Errors in the shape that OpenAI's clients read, for every path below /v1/."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection

PREFIX = "/v1/"
# What those clients know by status, as type and code.
KNOWN = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "insufficient_permissions"),
    404: ("invalid_request_error", "not_found"),
    409: ("invalid_request_error", "conflict"),
    413: ("invalid_request_error", "too_large"),
    507: ("invalid_request_error", "insufficient_quota"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
# What is wrong with a body is 400 there; and what has no room must not look like a fault that goes away by itself.
SAID_AS = {422: 400, 507: 413}


def speaks_openai(request: HTTPConnection) -> bool:
    """Tell whether a request is one of those shapes."""
    return request.url.path.startswith(PREFIX)


def openai_error(status: int, message: str, problems: list[dict[str, str]]) -> tuple[int, dict[str, Any]]:
    """Return status and body of an error.

    problems: where and what, for a body that means nothing; the first one is named as the parameter.

    >>> openai_error(422, "n: only 1", [{"where": "body.n", "what": "only 1"}])[1]["error"]["param"]
    'n'
    """
    kind, code = KNOWN.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    names = [one["where"].removeprefix("body.") for one in problems]
    told = {"message": message, "type": kind, "param": names[0] if names else None, "code": code}
    return SAID_AS.get(status, status), {"error": told}
