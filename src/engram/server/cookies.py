"""Cookies of browsers: HttpOnly, same site only, and never enough by themselves for what changes something."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request, Response

from engram.errors import Forbidden
from engram.security.entrance import SignedIn
from engram.security.refresh import FAMILY_SECONDS
from engram.security.tokens import ACCESS_SECONDS

ACCESS, REFRESH, PROVIDER = "engram_access", "engram_refresh", "engram_provider"
REFRESH_PATH, PROVIDER_PATH = "/api/v1/sessions", "/api/v1/oauth"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PORTS = {"http": 80, "https": 443}


def give(request: Request, response: Response, made: SignedIn) -> None:
    """Put both tokens of a sign-in into cookies that no script can read."""
    _set(request, response, ACCESS, made.access_token, "/", ACCESS_SECONDS)
    _set(request, response, REFRESH, made.refresh_token, REFRESH_PATH, FAMILY_SECONDS)


def take_back(response: Response) -> None:
    """Remove the cookies of a sign-in."""
    response.delete_cookie(ACCESS, path="/")
    response.delete_cookie(REFRESH, path=REFRESH_PATH)


def give_provider(request: Request, response: Response, secret: str, seconds: int) -> None:
    """Remember in the browser that it began a sign-in; Lax, because it comes back from the provider's site."""
    response.set_cookie(
        PROVIDER, secret, seconds, path=PROVIDER_PATH, secure=_is_secure(request), httponly=True, samesite="lax"
    )


def take_provider_back(response: Response) -> None:
    """Forget that a sign-in began here."""
    response.delete_cookie(PROVIDER, path=PROVIDER_PATH)


def check_origin(request: Request, *, needed: bool = True) -> None:
    """Refuse what another site lets a browser send, with the cookies of this one.

    needed: False lets pass what has no Origin, as programs send it; browsers always say theirs when they change things.

    Raises Forbidden unless Origin and Host are the same.
    """
    origin = request.headers.get("origin")
    if origin is None and not needed:
        return
    if origin is None or not same_place(origin, request.url.scheme, request.headers.get("host", "")):
        raise Forbidden(
            "This comes from another site, or doesn't say from which: Origin and Host must be the same.",
            remedy="Use the page of this server, or send a bearer token instead of a cookie.",
        )


def same_place(origin: str, scheme: str, host: str) -> bool:
    """Tell whether an Origin is the host that was asked.

    >>> same_place("http://localhost:3000", "http", "localhost:3000"), same_place("https://x.org", "https", "x.org:443")
    (True, True)
    >>> same_place("null", "http", "localhost:3000"), same_place("http://localhost:3001", "http", "localhost:3000")
    (False, False)
    """
    try:
        said, here = urlsplit(origin), urlsplit(f"{scheme}://{host}")
        ports = (said.port or PORTS.get(said.scheme), here.port or PORTS.get(here.scheme))
    except ValueError:
        return False
    return said.scheme in PORTS and bool(said.hostname) and said.hostname == here.hostname and ports[0] == ports[1]


def _set(request: Request, response: Response, name: str, value: str, path: str, seconds: int) -> None:
    response.set_cookie(name, value, seconds, path=path, secure=_is_secure(request), httponly=True, samesite="strict")


def _is_secure(request: Request) -> bool:
    """Tell whether browsers reach this server by TLS; its own, or that of a proxy in front of it."""
    return request.url.scheme == "https" or request.app.state.platform.base_url.startswith("https:")
