"""Signing in, staying so and signing out, and the living sign-ins of a user (sessions)."""

from __future__ import annotations

from typing import Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from engram.errors import NotSignedIn
from engram.security import login, refresh
from engram.security.entrance import SignedIn
from engram.security.refresh import FAMILY_SECONDS
from engram.server import cookies
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.shapes.people import SignedInOut, SignInList
from engram.store.pages import USUAL, Ask
from engram.store.records import logins
from engram.store.records.logins import Login
from engram.store.times import from_micros

router = Router(prefix="/api/v1/sessions", tags=["sessions"])
MICROS = 1_000_000


class Strict(BaseModel):
    """A body in which nothing is ignored."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Strict):
    """Name and password."""

    name: str = Field(max_length=256)
    password: str = Field(max_length=1024)
    cookie: bool = Field(default=False, description="Give the tokens as cookies that no script can read.")


class RefreshToken(Strict):
    """A refresh token; absent when the browser holds it in its cookie."""

    refresh_token: str | None = Field(default=None, max_length=1024)


@router.post(
    "", operation_id="sessions.sign_in", response_model=SignedInOut, response_model_exclude_unset=True, status_code=201
)
async def sign_in(asked: Credentials, who: Who, here: Here, request: Request, response: Response) -> dict[str, Any]:
    """Sign in with name and password."""
    if asked.cookie:
        cookies.check_origin(request, needed=False)
    made = await login.sign_in_async(
        here.entrance, asked.name, asked.password, who.address, request=request.state.id, agent=agent(request)
    )
    return _given(made, request, response, cookie=asked.cookie)


@router.post(
    "/refresh",
    operation_id="sessions.refresh",
    response_model=SignedInOut,
    response_model_exclude_unset=True,
    status_code=201,
)
def renew(asked: RefreshToken, who: Who, here: Here, request: Request, response: Response) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; each is used once."""
    token, held = asked.refresh_token, request.cookies.get(cookies.REFRESH)
    if token is None:
        if held is None:
            raise NotSignedIn("There is no refresh token.", remedy="Sign in.")
        cookies.check_origin(request)
    made = login.refresh(
        here.entrance, token or held or "", who.address, request=request.state.id, agent=agent(request)
    )
    return _given(made, request, response, cookie=token is None)


@router.delete("/mine", operation_id="sessions.sign_out", status_code=204)
def sign_out(who: Who, here: Here, response: Response) -> None:
    """End this sign-in: its tokens are dead at once."""
    cookies.take_back(response)
    if who.family:
        refresh.sign_out(here.entrance.families, who.family)


@router.get("", operation_id="sessions.list", response_model=SignInList)
def listed(
    who: Who,
    here: Here,
    after: str | None = None,
    limit: int = USUAL,
    user: str | None = Query(default=None, description="Whose; an Admin may ask for anybody's."),
) -> dict[str, Any]:
    """List living sign-ins, the one refreshed last first; an Admin sees everybody's."""
    with here.db.read() as tx:
        page = logins.list_logins(tx, Ask(who.visible_to, after, limit, equal={"owner": user}))
    return {"items": [shown(one, who.family) for one in page.items], "next": page.next}


@router.delete("/{family}", operation_id="sessions.end", status_code=204)
def end(family: str, who: Who, here: Here) -> None:
    """End one sign-in; its tokens are dead at once."""
    with here.db.read() as tx:
        found = logins.find_family(tx, family)
    who.touch(found, f"sign-in {family}")
    refresh.sign_out(here.entrance.families, family)


@router.delete("", operation_id="sessions.end_all", status_code=200)
def end_all(
    who: Who, here: Here, response: Response, user: str | None = Query(default=None, description="Oneself, if absent.")
) -> dict[str, int]:
    """End every sign-in of a user, this one too; return how many there were."""
    whose = user or who.principal.user
    who.require(f"user {whose}", whose if here.entrance.users.get(whose) else None)
    who.said["subject"] = whose
    if whose == who.principal.user:
        cookies.take_back(response)
    return {"ended": refresh.sign_out_everywhere(here.entrance.families, whose)}


def agent(request: Request) -> str:
    """Return what the browser or program calls itself."""
    return request.headers.get("user-agent", "")


def shown(one: Login, present: str = "") -> dict[str, Any]:
    """Return a sign-in as the API shows it; its id stays the same however often it is refreshed."""
    return {
        "id": one.family,
        "user": one.owner,
        # A family ends a fixed time after its first sign-in, so that is when it began.
        "created": from_micros(one.family_ends - FAMILY_SECONDS * MICROS),
        "refreshed": from_micros(one.created),
        "expires": from_micros(one.expires),
        "address": one.address,
        "user_agent": one.user_agent,
        "present": one.family == present,
    }


def _given(made: SignedIn, request: Request, response: Response, *, cookie: bool) -> dict[str, Any]:
    said = {"expires_at": made.access.expires_at, "must_change_password": made.must_change_password}
    if cookie:
        cookies.give(request, response, made)
        return {"token_type": "cookie", **said}
    return {
        "access_token": made.access_token,
        "refresh_token": made.refresh_token,
        "token_type": "bearer",
        **said,
    }
