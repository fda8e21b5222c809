"""Requests that make something: one that is sent again under its Idempotency-Key makes nothing a second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel
from sqlalchemy import Connection

from engram.files import json_digest
from engram.server.access import Caller
from engram.store import idempotency

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Any text of yours: a request that is sent again under it makes nothing a second time.",
    ),
]


def once(
    tx: Connection, who: Caller, key: str | None, asked: BaseModel | dict[str, Any], make: Callable[[], Any]
) -> Any:
    """Make something within a transaction and return what is answered, or what was answered to the same request before.

    key: None for a request that carries none. asked: what the request said, by which another one under the same key is
    told apart.

    Raises Conflict when the key was used for another request, and what `make` raises.
    """
    if key is None:
        return make()
    before = idempotency.once(tx, who.principal.user, who.operation, key, _digest(asked))
    if isinstance(before, idempotency.Answer):
        return before.body
    return idempotency.finish(tx, before, 201, jsonable_encoder(make())).body


def answered(tx: Connection, who: Caller, key: str | None, asked: BaseModel | dict[str, Any]) -> Any:
    """Return what was answered to the same request before, None when it is new: for what is slow to get ready.

    Raises Conflict when the key was used for another request.
    """
    if key is None:
        return None
    found = idempotency.answered(tx, who.principal.user, who.operation, key, _digest(asked))
    return None if found is None else found.body


def _digest(asked: BaseModel | dict[str, Any]) -> str:
    return json_digest(asked.model_dump(mode="json") if isinstance(asked, BaseModel) else asked)
