"""Signing in through a provider: away to it with a state, back with a code, and in with cookies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import RedirectResponse

from engram.errors import Conflict, NotSignedIn
from engram.security import login, oauth
from engram.security.audit import AuditDraft
from engram.security.entrance import fold_name
from engram.security.oauth import PENDING_SECONDS, Identity
from engram.security.principal import ADMIN, HOUSE, USER_ROLES
from engram.security.provider import Provider
from engram.server import cookies
from engram.server.access import Here, Who
from engram.server.oauth_providers import NAME, provider_of
from engram.server.platform import Platform
from engram.server.route import Router
from engram.server.routes.sign_ins import agent
from engram.server.shapes.house import ProviderList
from engram.store.records import users
from engram.store.records.users import User

router = Router(prefix="/api/v1/oauth", tags=["oauth"])
HOME_PAGE = "/"
Name = Annotated[str, Path(pattern=f"^{NAME.pattern}$")]


@router.get("/providers", operation_id="oauth.providers", response_model=ProviderList)
def providers(who: Who, here: Here) -> dict[str, Any]:
    """List the providers through which one may sign in, and where to begin."""
    names = sorted(here.setting("oauth.providers"))
    return {"items": [{"name": name, "start": f"{router.prefix}/{name}/start"} for name in names], "next": None}


@router.get("/{provider}/start", operation_id="oauth.start", status_code=303)
def start(provider: Name, who: Who, here: Here, request: Request) -> RedirectResponse:
    """Send the browser to the provider, with a cookie by which it is known when it comes back."""
    found = provider_of(here.setting("oauth.providers"), provider, here.home)
    begun = oauth.begin(here.fetcher, here.pending, found, here.clock)
    answer = RedirectResponse(begun.url, 303)
    cookies.give_provider(request, answer, begun.browser, PENDING_SECONDS)
    return answer


@router.get("/{provider}/callback", operation_id="oauth.callback", status_code=303)
def callback(provider: Name, who: Who, here: Here, request: Request) -> RedirectResponse:
    """Take the browser back from the provider: find or add its user, and sign her in with cookies."""
    found = provider_of(here.setting("oauth.providers"), provider, here.home)
    browser = request.cookies.get(cookies.PROVIDER, "")
    try:
        said = oauth.finish(here.fetcher, here.pending, found, dict(request.query_params), browser, here.clock)
    except NotSignedIn as error:
        here.entrance.record(
            AuditDraft("", who.operation, "refused", provider, error.message, "", request.state.id, who.address)
        )
        raise NotSignedIn("The sign-in through the provider did not succeed.", remedy="Begin again.") from error
    user = here.entrance.users.get(_user_of(here, found, said).id)
    if user is None:
        raise NotSignedIn("The sign-in through the provider did not succeed.", remedy="Begin again.")
    made = login.sign_in_known(
        here.entrance, user, who.address, operation=who.operation, request=request.state.id, agent=agent(request)
    )
    answer = RedirectResponse(HOME_PAGE, 303)
    cookies.give(request, answer, made)
    cookies.take_provider_back(answer)
    return answer


def _user_of(here: Platform, provider: Provider, said: Identity) -> User:
    """Return the user whom a provider vouches for, with the role that its claims give her now.

    A name or a mail of somebody else's never makes her that user: only issuer and subject do. The last Admin who can
    come in keeps her role, whatever the provider says.
    """
    if said.role not in USER_ROLES and said.role not in here.roles.get():
        raise NotSignedIn("The provider's settings name a role that is none.", remedy="Ask an Admin.")
    with here.db.write() as tx:
        found = users.find_external(tx, said.issuer, said.subject)
        if found is not None:
            last = found.role == ADMIN and found.disabled is None and users.count_users(tx, ADMIN) <= 1
            if found.role == said.role or last:
                return found
            return users.change_user(tx, found.id, role=said.role)
        name = fold_name(said.name)
        plain = name if name and name.isprintable() and name != HOUSE else said.subject
        for tried in (plain, f"{plain}@{provider.name}", f"{said.subject}@{provider.name}"):
            if users.find_user(tx, tried) is None:
                return users.create_user(
                    tx, name=tried, role=said.role, email=said.email, provider=said.issuer, subject=said.subject
                )
    raise Conflict("Her name is taken here.", remedy="Ask an Admin to add her with her provider and subject.")
