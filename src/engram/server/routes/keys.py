"""API keys: made by a person who is signed in, shown once, revoked at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engram.security import api_keys
from engram.security.roles import check_scopes
from engram.server.access import Here, Who
from engram.server.bindings import KeysOf
from engram.server.once import Key, once
from engram.server.route import Router
from engram.server.shapes.people import KeyList, KeyMade
from engram.store.pages import USUAL, Ask
from engram.store.records import api_keys as stored
from engram.store.times import from_micros

router = Router(prefix="/api/v1/keys", tags=["keys"])
TIMES = ("created", "expires", "revoked", "used")


class NewKey(BaseModel):
    """What a key may do, and until when (seconds since 1970)."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    scopes: list[str] = Field(min_length=1, max_length=100)
    expires_at: int | None = None


@router.post("", operation_id="keys.create", response_model=KeyMade, status_code=201)
def make_key(asked: NewKey, who: Who, here: Here, key: Key = None) -> dict[str, Any]:
    """Make an API key; it is shown this once. Under the same Idempotency-Key it is the same one, unshown."""
    scopes = check_scopes(who.principal, asked.scopes, who.roles)
    shown = ""

    def make() -> dict[str, Any]:
        nonlocal shown
        made = api_keys.make_api_key(
            KeysOf(tx), who.principal.user, asked.name, scopes, here.clock, expires_at=asked.expires_at
        )
        shown = made.text  # the answer that is kept must not hold it
        return {"prefix": made.key.prefix, "scopes": sorted(made.key.scopes)}

    with here.db.write() as tx:
        said = once(tx, who, key, asked, make)
    who.said["subject"] = said["prefix"]
    return {"key": shown or None, **said}


@router.get("", operation_id="keys.list", response_model=KeyList)
def keys(who: Who, here: Here, after: str | None = None, limit: int = USUAL) -> dict[str, Any]:
    """List one's own keys, without their secrets; an Admin sees everybody's."""
    with here.db.read() as tx:
        page = stored.list_keys(tx, Ask(who.visible_to, after, limit))
    items = [{**asdict(one), **{name: _time(getattr(one, name)) for name in TIMES}} for one in page.items]
    return {"items": items, "next": page.next}


@router.delete("/{prefix}", operation_id="keys.revoke", status_code=204)
def revoke(prefix: str, who: Who, here: Here) -> None:
    """Revoke a key; it stops working at once."""
    found = here.keys.find(prefix)
    who.require(f"key {prefix}", found.user if found else None)
    here.keys.revoke(prefix, int(here.clock()))


def _time(micros: int | None) -> str | None:
    return None if micros is None else from_micros(micros)
