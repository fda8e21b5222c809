"""The API's description: every operation with the problems that it can answer, who may call it, and what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from engram.security.operations import OPERATIONS
from engram.security.principal import ANONYMOUS
from engram.server.problems import MEDIA_TYPE

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "What was wrong, and what to do (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "urn:engram:error:<name>, or about:blank."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The id of the request; the server's log has it too."},
        "error": {"type": "string", "description": "The name of the error, as the SDK raises it."},
        "remedy": {"type": "string", "description": "What to do."},
        "problems": {"type": "array", "items": {"type": "object"}, "description": "Each fault of a request."},
    },
}
OPENAI_ERROR: dict[str, Any] = {
    "title": "OpenAIError",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "properties": {"message": {"type": "string"}, "type": {"type": "string"}},
        }
    },
}
SECURITY: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token (POST /api/v1/sessions) or an API key (POST /api/v1/keys).",
    }
}
# What any operation may answer: a secret in the address, a credential that doesn't count, a body too large, another
# name than the server's, a request that is not understood, too many of them, our own fault, and a core or database
# that is away.
ALWAYS = (400, 401, 413, 421, 422, 429, 500, 503)
# What answers with something else than JSON, or with that beside it.
FILES, EVENTS = "application/octet-stream", "text/event-stream"
CONTENT = {
    "artifacts.download": FILES,
    "audit.export": "text/csv",
    "datasets.download": FILES,
    "deployments.stream": "application/x-ndjson",
    "models.download": FILES,
    "openai.chat.completions": EVENTS,
    "openai.completions": EVENTS,
    "openai.audio.transcriptions": "text/plain",
    "openai.files.content": "application/jsonl",
}
JSON_TOO = frozenset(
    {"models.download", "openai.audio.transcriptions", "openai.chat.completions", "openai.completions"}
)
WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def describe(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Give an application its description, made once when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = description(app, routes)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def description(app: FastAPI, routes: Sequence[APIRoute]) -> dict[str, Any]:
    """Return the whole description."""
    made = get_openapi(title=app.title, version=app.version, routes=app.routes)
    parts = made.setdefault("components", {})
    parts.setdefault("schemas", {}).update(Problem=PROBLEM, OpenAIError=OPENAI_ERROR)
    for name in ("HTTPValidationError", "ValidationError"):  # the framework's own, which are never answered here
        parts["schemas"].pop(name, None)
    parts["securitySchemes"] = SECURITY
    known = {route.operation_id: route for route in routes}
    for path in made["paths"].values():
        for operation in path.values():
            route = known[operation["operationId"]]
            operation["security"] = [] if is_public(route) else [{"bearer": []}]
            if kind := CONTENT.get(str(route.operation_id)):
                content = operation["responses"]["200"].setdefault("content", {})
                operation["responses"]["200"]["content"] = {
                    **(content if route.operation_id in JSON_TOO else {}),
                    kind: {},
                }
            for status in problems_of(route, operation):
                operation["responses"][str(status)] = _problem(status, route.path)
    return made


def is_public(route: APIRoute) -> bool:
    """Tell whether nobody need sign in for a route."""
    return ANONYMOUS in OPERATIONS[str(route.operation_id)].reach


def problems_of(route: APIRoute, operation: dict[str, Any]) -> list[int]:
    """Return the statuses of the problems that a route may answer, in order."""
    found, writing = set(ALWAYS), bool((route.methods or set()) & WRITING)
    named = {one["name"] for one in operation.get("parameters", [])}
    if not is_public(route):
        found.add(403)
    if "{" in route.path or writing or any(one["in"] == "query" for one in _parameters(operation)):
        found.add(404)
    if writing or OPERATIONS[str(route.operation_id)].on_object:
        found.add(409)
    if writing:
        found |= {501, 507}
    if "If-Match" in named:
        found.add(412)
    return sorted(found)


def _parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return list(operation.get("parameters", []))


def _problem(status: int, path: str) -> dict[str, Any]:
    """Describe a problem; below /v1/ it has the shape that OpenAI's clients read."""
    ours = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    theirs = {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}
    return {"description": HTTPStatus(status).phrase, "content": theirs if path.startswith("/v1/") else ours}
