"""Who asks, and whether the policy lets her: every route names its operation and passes through here."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from engram.errors import Forbidden, NotFound, NotSignedIn, StaleEpoch
from engram.security.api_keys import ATTEMPT_KEY, USER_KEY, digest_of, principal_of, verify_api_key
from engram.security.client_address import client_address
from engram.security.limits import spend
from engram.security.operations import OPERATIONS, Reach
from engram.security.policy import CustomRole, decide, reach_of
from engram.security.principal import ANONYMOUS, NOBODY, Principal
from engram.security.tokens import verify_access_token
from engram.server.cookies import ACCESS, SAFE, check_origin
from engram.server.platform import Platform
from engram.store.pages import USUAL, Ask


class Owned(Protocol):
    """What belongs to somebody."""

    @property
    def owner(self) -> str:
        """The user whose it is."""


T = TypeVar("T", bound=Owned)
MOST_SUBJECT = 100


@dataclass(frozen=True)
class Caller:
    """Who asks, and for which operation.

    family: her sign-in, empty for a key. via: with what she came in: ``token``, ``cookie``, or the prefix of a key.
    subject: what the path names. said: what a route adds to the line of the audit; never a secret, never a body.
    request: the id that the response will bear.
    """

    principal: Principal
    operation: str
    address: str = ""
    family: str = ""
    via: str = ""
    subject: str = ""
    roles: Mapping[str, CustomRole] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    request: str = ""

    def require(
        self, what: str, owner: str | None, *, shared: bool = False, run: str | None = None, epoch: int | None = None
    ) -> None:
        """Let the caller touch one object, or refuse.

        what: how the object is called when it is not to be seen. shared: whether its owner shares it with the house.

        Raises NotFound for what must not show itself, StaleEpoch for an attempt that was replaced, Forbidden or
        NotSignedIn.
        """
        said = decide(self.principal, self.operation, owner, self.roles, shared=shared, run=run, epoch=epoch)
        if said.allowed:
            return
        if said.reason == "epoch":
            raise StaleEpoch(f"{what} has moved on to another attempt.", remedy="This one must stop.")
        if said.hidden:
            raise NotFound(f"There is no {what}.")
        raise _refusal(said.reason, self.operation)

    def touch(self, found: T | None, what: str) -> T:
        """Return an object that the caller may touch; raises NotFound, as if there were none, for any other."""
        self.require(what, found.owner if found else None, shared=bool(getattr(found, "shared", False)))
        if found is None:
            raise NotFound(f"There is no {what}.")
        return found

    def to(self, operation: str) -> Caller:
        """Return the same caller asking for what another operation needs."""
        return replace(self, operation=operation)

    @property
    def visible_to(self) -> str | None:
        """Return whose rows a list may show: None for everybody's."""
        return None if reach_of(self.principal, self.operation, self.roles) == Reach.ANY else self.principal.user

    def asks(self, after: str | None = None, limit: int = USUAL, **more: Any) -> Ask:
        """Return which part of a list the caller wants, of the rows that she may see."""
        shared = reach_of(self.principal, self.operation, self.roles) >= Reach.SHARED
        return Ask(self.visible_to, after, limit, with_shared=shared, **more)

    def may(self, operation: str, owner: str, *, shared: bool = False) -> bool:
        """Tell whether the caller may do something else to an object."""
        return decide(self.principal, operation, owner, self.roles, shared=shared).allowed


async def platform_of(request: Request) -> Platform:
    """Return what the server holds."""
    found: Platform = request.app.state.platform
    return found


async def caller_of(request: Request) -> Caller:
    """Identify who asks, count it against her budget, and refuse what the policy gives to nobody like her."""
    here, operation = await platform_of(request), str(getattr(request.scope.get("route"), "operation_id", "") or "")
    address = client_address(request.client.host if request.client else "", (), ())
    given, via = _credential_of(request, operation)
    subject = "/".join(str(value)[:MOST_SUBJECT] for value in request.path_params.values())

    def known(caller: Caller) -> None:
        request.state.caller = caller

    id = str(getattr(request.state, "id", ""))
    asked = partial(admit, here, given, address, operation, via=via, subject=subject, known=known, request=id)
    if not given and here.roles.is_fresh:  # nothing has to be read, so nothing waits
        return asked()
    return await run_in_threadpool(asked)


def admit(
    here: Platform,
    given: str,
    address: str,
    operation: str,
    *,
    via: str = "",
    subject: str = "",
    known: Callable[[Caller], None] = lambda caller: None,
    request: str = "",
) -> Caller:
    """Identify who asks, count it against her budget, and refuse what the policy gives to nobody like her.

    given: an Authorization header, or an empty text. known: is told who asks, whatever comes of it.
    """
    principal, family = identify(here, given)
    caller = Caller(principal, operation, address, family, via, subject, here.roles.get(), request=request)
    known(caller)
    spend(here.limits, principal, address, operation)
    said = decide(principal, operation, custom_roles=caller.roles)
    if not said.allowed and not said.hidden:
        raise _refusal(said.reason, operation)
    return caller


def credential_of(connection: HTTPConnection) -> str:
    """Return what a request or a WebSocket shows to be let in, as an Authorization header says it; never from a URL.

    A cookie counts too: who lets it in has looked from which page the connection comes.
    """
    cookie = connection.cookies.get(ACCESS)
    return connection.headers.get("authorization", "") or (f"Bearer {cookie}" if cookie else "")


def identify(here: Platform, given: str) -> tuple[Principal, str]:
    """Return who an Authorization header stands for, and the family of her sign-in.

    Raises NotSignedIn for anything that doesn't count, which is never the same as no header at all.
    """
    if not given:
        return NOBODY, ""
    scheme, _, credential = given.partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise NotSignedIn("The Authorization header is not understood.", remedy="Send: Authorization: Bearer <token>")
    if credential.startswith((f"{USER_KEY}_", f"{ATTEMPT_KEY}_")):
        try:
            key = verify_api_key(here.keys, credential, here.clock)
        except NotSignedIn:
            if _was_replaced(here, credential):
                raise StaleEpoch("A newer attempt has this run.", remedy="This one must stop.") from None
            raise
        owner = here.entrance.users.get(key.user)
        if owner is None or owner.disabled:
            raise NotSignedIn("The key's owner may not come in.", remedy="Ask an Admin.")
        return principal_of(key, owner.role), ""
    token = verify_access_token(here.entrance.tokens, credential)
    user = here.entrance.users.get(token.user)
    if user is None or user.disabled:
        raise NotSignedIn("The access token does not count.", remedy="Sign in again.")
    return Principal(user.id, user.role, must_change_password=user.must_change_password), token.sid


def _credential_of(request: Request, operation: str) -> tuple[str, str]:
    """Return what the caller shows, as an Authorization header, and of which sort it is.

    A browser sends its cookie without being asked, so it counts for nothing where nobody need sign in, and only from
    the server's own pages for what changes something. Raises Forbidden otherwise.
    """
    given = request.headers.get("authorization", "")
    if given:
        credential = given.partition(" ")[2]
        is_key = credential.startswith((f"{USER_KEY}_", f"{ATTEMPT_KEY}_"))
        return given, "_".join(credential.split("_")[:2])[:MOST_SUBJECT] if is_key else "token"
    cookie = request.cookies.get(ACCESS)
    row = OPERATIONS.get(operation)
    if not cookie or row is None or ANONYMOUS in row.reach:
        return "", ""
    if request.method not in SAFE:
        check_origin(request)
    return f"Bearer {cookie}", "cookie"


def _was_replaced(here: Platform, credential: str) -> bool:
    """Tell whether this is the true key of an attempt whose run has moved on: it must hear so, to stop itself."""
    found = here.keys.find("_".join(credential.split("_")[:2]))
    true = found is not None and hmac.compare_digest(digest_of(credential), found.digest)
    return true and found is not None and found.attempt is not None and found.revoked_at is not None


def _refusal(reason: str, operation: str) -> Exception:
    if reason == "sign in":
        return NotSignedIn("This needs a credential.", remedy="Sign in, or send an API key as a bearer token.")
    return Forbidden(f"{operation} is not allowed here ({reason}).", remedy="Ask an Admin.")


Here = Annotated[Platform, Depends(platform_of)]
Who = Annotated[Caller, Depends(caller_of)]
Body = dict[str, Any]
