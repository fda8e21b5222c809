"""The door of `/ws`: who asks is known, and allowed, before the WebSocket is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import WebSocket

from engram.errors import Forbidden, NotSignedIn
from engram.security.api_keys import verify_api_key
from engram.security.client_address import client_address
from engram.security.tokens import verify_access_token
from engram.server.access import Caller, admit, credential_of
from engram.server.doors import is_known_host
from engram.server.platform import Platform

OPERATION = "ws.connect"
# A browser can't set headers of a WebSocket; its protocols are the one place for a token outside the URL.
PROTOCOL, BEARER = "engram.v1", "bearer."


@dataclass(frozen=True)
class Admitted:
    """Who may come in. given: the credential, as an Authorization header says it; until: when it expires, or None."""

    who: Caller
    given: str
    until: float | None
    protocol: str | None


def let_in(here: Platform, socket: WebSocket) -> Admitted:
    """Check name, origin and credential of a WebSocket that is not accepted yet; asks the database.

    Raises Forbidden for a foreign page or another name than the server's, NotSignedIn, Throttled.
    """
    if not is_known_host(socket.headers.get("host"), here.base_url, here.setting("server.hosts")):
        raise Forbidden(
            "This server does not go by that name.",
            remedy="Call it by its own address, or let an Admin add the name to the setting server.hosts.",
        )
    offered = [str(one) for one in socket.scope.get("subprotocols", [])]
    shown = socket.headers.get("authorization", "") or _bearer(offered)
    _check_origin(here, socket, by_program=bool(shown))
    given = shown or credential_of(socket)
    who = admit(here, given, client_address(socket.client.host if socket.client else "", (), ()), OPERATION)
    return Admitted(who, given, _until(here, given), PROTOCOL if PROTOCOL in offered else None)


def _bearer(offered: list[str]) -> str:
    tokens = [one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)]
    return f"Bearer {tokens[0]}" if len(tokens) == 1 else ""


def _check_origin(here: Platform, socket: WebSocket, *, by_program: bool) -> None:
    """Let only the server's own pages in; a program has no page, and shows its credential itself, never a cookie."""
    origins = socket.headers.getlist("origin")
    if not origins:
        if by_program:
            return
        raise NotSignedIn("This needs a credential.", remedy="Send an API key as a bearer token.")
    own = {here.base_url.rstrip("/")}
    if host := socket.headers.get("host", ""):
        # Behind a proxy that speaks TLS the page's scheme is https, and ours is not.
        own |= {f"https://{host}"} | ({f"http://{host}"} if socket.url.scheme == "ws" else set())
    if len(origins) != 1 or _spelt(origins[0]) not in map(_spelt, own):
        raise Forbidden("A WebSocket is for this server's own pages.", remedy="Open the page that this server serves.")


def _spelt(origin: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an origin in one spelling; nothing of ours is like one that can't be read."""
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return ("", "", -1)
    if parts.path or parts.query or parts.fragment or parts.username or not parts.hostname:
        return ("", "", -1)
    return (parts.scheme, parts.hostname, port)


def _until(here: Platform, given: str) -> float | None:
    """Return when a credential that counts expires: seconds since 1970, None for never."""
    credential = given.partition(" ")[2]
    if credential.startswith("eg"):
        return verify_api_key(here.keys, credential, here.clock).expires_at
    return verify_access_token(here.entrance.tokens, credential).expires_at
