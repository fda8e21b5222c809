"""Signing in and out, one's own account, and API keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from engram.errors import NotFound
from engram.security import api_keys, login, password_change, refresh
from engram.security.entrance import SignedIn
from engram.security.policy import operations_of
from engram.security.roles import check_scopes
from engram.server.access import Here, Who
from engram.server.bindings import KeysOf
from engram.server.once import Key, once
from engram.store.pages import USUAL, Ask
from engram.store.records import api_keys as stored
from engram.store.times import from_micros

router = APIRouter(prefix="/api/v1", tags=["people"])


class Strict(BaseModel):
    """A body in which nothing is ignored."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Strict):
    """Name and password."""

    name: str = Field(max_length=256)
    password: str = Field(max_length=1024)


class RefreshToken(Strict):
    """A refresh token."""

    refresh_token: str = Field(max_length=1024)


class NewPassword(Strict):
    """The old password and the new one."""

    old: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


class NewKey(Strict):
    """What a key may do, and until when (seconds since 1970)."""

    name: str = Field(max_length=100)
    scopes: list[str] = Field(min_length=1, max_length=100)
    expires_at: int | None = None


@router.post("/sessions", operation_id="sessions.sign_in", status_code=201)
async def sign_in(asked: Credentials, who: Who, here: Here, request: Request) -> dict[str, Any]:
    """Sign in with name and password."""
    address = who.address
    return _tokens(
        await login.sign_in_async(here.entrance, asked.name, asked.password, address, request=request.state.id)
    )


@router.post("/sessions/refresh", operation_id="sessions.refresh", status_code=201)
def renew(asked: RefreshToken, who: Who, here: Here, request: Request) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; each is used once."""
    return _tokens(login.refresh(here.entrance, asked.refresh_token, who.address, request=request.state.id))


@router.delete("/sessions/mine", operation_id="sessions.sign_out", status_code=204)
def sign_out(who: Who, here: Here) -> None:
    """End this sign-in: its tokens are dead at once."""
    if who.family:
        refresh.sign_out(here.entrance.families, who.family)


@router.get("/users/me", operation_id="users.me")
def me(who: Who) -> dict[str, Any]:
    """Say who asks, and what she may do."""
    principal = who.principal
    return {
        "user": principal.user,
        "role": principal.role,
        "must_change_password": principal.must_change_password,
        "operations": operations_of(principal),
    }


@router.post("/users/me/password", operation_id="users.change_password", status_code=204)
def change_password(asked: NewPassword, who: Who, here: Here, request: Request) -> None:
    """Change one's own password; every sign-in ends, this one too."""
    user = here.entrance.users.get(who.principal.user)
    who.require("user", user.id if user else None)
    if user is None:
        raise NotFound("There is no such user.")
    password_change.change_password(here.entrance, user, asked.old, asked.new, who.address, request=request.state.id)


@router.post("/keys", operation_id="keys.create", status_code=201)
def make_key(asked: NewKey, who: Who, here: Here, key: Key = None) -> dict[str, Any]:
    """Make an API key; it is shown this once. Under the same Idempotency-Key it is the same one, unshown."""
    scopes = check_scopes(who.principal, asked.scopes)
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
    return {"key": shown or None, **said}


@router.get("/keys", operation_id="keys.list")
def keys(who: Who, here: Here, after: str | None = None, limit: int = USUAL) -> dict[str, Any]:
    """List one's own keys, without their secrets; an Admin sees everybody's."""
    with here.db.read() as tx:
        page = stored.list_keys(tx, Ask(who.visible_to, after, limit))
    items = [{**asdict(one), "created": from_micros(one.created)} for one in page.items]
    return {"items": items, "next": page.next}


@router.delete("/keys/{prefix}", operation_id="keys.revoke", status_code=204)
def revoke(prefix: str, who: Who, here: Here) -> None:
    """Revoke a key; it stops working at once."""
    found = here.keys.find(prefix)
    who.require(f"key {prefix}", found.user if found else None)
    here.keys.revoke(prefix, int(here.clock()))


def _tokens(made: SignedIn) -> dict[str, Any]:
    return {
        "access_token": made.access_token,
        "refresh_token": made.refresh_token,
        "token_type": "bearer",
        "expires_at": made.access.expires_at,
        "must_change_password": made.must_change_password,
    }
