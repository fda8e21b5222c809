"""Before anything is asked: by which name the server was called, and that no secret stands in the address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# What is a credential by its look; a key's prefix alone is none.
SECRET = re.compile(r"eg[ka]_[0-9a-f]{12}_|egr_[A-Za-z0-9_-]{20}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.")
SECRET_NAMES = frozenset({"access_token", "refresh_token", "id_token", "token", "api_key", "apikey", "authorization"})
CODE = "code"  # what a provider sends a browser back with; it is good once, and only with our own secret

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# What answers with secrets, or about people: no cache keeps it.
PRIVATE = ("/api/v1/sessions", "/api/v1/users", "/api/v1/keys", "/api/v1/oauth", "/api/v1/settings", "/api/v1/audit")


def is_known_host(host: str | None, base_url: str, more: Iterable[str]) -> bool:
    """Tell whether a Host header names this server, so that no other name that leads here can be used by a web page.

    host: the header, None when there is none. more: the setting `server.hosts`.

    >>> is_known_host("localhost:3000", "http://127.0.0.1:3000", ()), is_known_host("evil.example", "http://x:1", ())
    (True, False)
    """
    try:
        name = urlsplit(f"//{host}").hostname if host else None
    except ValueError:
        return False
    own = (urlsplit(base_url).hostname or "").lower()
    return name is not None and (name in LOCAL or name == own or name in {one.strip("[]") for one in more})


def has_secret(path: str, query: str) -> bool:
    """Tell whether an address carries a credential: such lines end up in logs, histories and referrers.

    >>> has_secret("/api/v1/runs", "access_token=x"), has_secret("/api/v1/keys/egk_0123456789ab", "limit=5")
    (True, False)
    """
    if SECRET.search(unquote(path)):
        return True
    return any(
        name.lower().replace("-", "_") in SECRET_NAMES or (name != CODE and SECRET.search(value))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
