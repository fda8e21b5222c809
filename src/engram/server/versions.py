"""Optimistic versions: a change names the version that its writer read, in the body or as an If-Match header."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header, Response

from engram.errors import UsageError

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=100, description='The ETag that was read, as "3": the version.')
]
_TAG = re.compile(r'(?:W/)?"?(\d{1,18})"?')


def version_of(if_match: str | None, version: int | None = None) -> int | None:
    """Return the version that a change is meant for; None changes whatever is there.

    Raises UsageError for a tag that is none of ours, and when header and body name two versions.

    >>> version_of('"3"'), version_of(None, 4), version_of("*")
    (3, 4, None)
    """
    if if_match is None or if_match.strip() == "*":
        return version
    found = _TAG.fullmatch(if_match.strip())
    if found is None or version not in (None, int(found[1])):
        raise UsageError(f"If-Match {if_match[:40]!r} names no version of this.", remedy='Send the ETag: "3".')
    return int(found[1])


def tag(response: Response, version: int) -> None:
    """Say the version of what is answered."""
    response.headers["ETag"] = f'"{version}"'
