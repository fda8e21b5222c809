"""Versions over HTTP: an ETag with what is read, `If-None-Match` to read it only when new, `If-Match` to change it."""

from __future__ import annotations

import re
import zlib
from typing import Annotated

from fastapi import Header, Response
from starlette.datastructures import Headers

from engram.errors import UsageError

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=100,
        description="The ETag that you read: the change is refused with 412 when somebody else was first.",
    ),
]
ETAG = re.compile(r'(?:W/)?"(\d{1,18})(?:-[0-9a-f]{8})?"')
NO_VERSION = -1
KEPT = ("ETag", "Cache-Control", "Vary")  # what a cache must hear again, though the answer is the same


def tag(response: Response, version: int, beside: str = "") -> None:
    """Put the ETag of a version on an answer. beside: what is shown that the version does not cover.

    >>> answer = Response()
    >>> tag(answer, 7); answer.headers["etag"]
    '"7"'
    """
    extra = f"-{zlib.crc32(beside.encode()):08x}" if beside else ""
    response.headers["ETag"] = f'"{version}{extra}"'


def version_of(given: str | None, version: int | None = None) -> int | None:
    """Return the version that a change is meant for; None changes whatever is there. No version at all is -1.

    given: an If-Match header. version: the one that the body names, in place of the header or as it does.

    Raises UsageError when header and body name two versions.

    >>> version_of('"7"'), version_of(None, 4), version_of("*"), version_of("seven")
    (7, 4, None, -1)
    """
    if given is None or given.strip() == "*":
        return version
    found = ETAG.fullmatch(given.strip())
    named = int(found[1]) if found else NO_VERSION
    if version not in (None, named):
        raise UsageError(f"If-Match {given[:40]!r} and version {version} are not the same.", remedy="Send one of them.")
    return named


def is_known(method: str, asked: Headers, status: int, told: Headers) -> bool:
    """Tell whether the caller has an answer to a GET or HEAD already, by its ETag: 304 stands in its place."""
    if method not in ("GET", "HEAD") or status != 200 or "etag" not in told:
        return False
    return told["etag"] in [one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")]
