"""The server that a command talks to, and who the person is: a key from the environment, or a password typed in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import typer

if TYPE_CHECKING:
    from engram.client.api import Api

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Call:
    """The way to call the server: `call(method, path, body, ...)`, paths without ``/api/v1``."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def __call__(self, method: str, path: str, *rest: Any, **more: Any) -> Any:
        """Return the JSON answer; raises what the server tells."""
        return self._api.call(method, f"/api/v1{path}", *rest, **more)

    def content(self, path: str, query: dict[str, Any]) -> bytes:
        """Return the bytes of an answer that is no JSON; raises what the server tells."""
        return self._api.piece("GET", f"/api/v1{path}", query, {}).content


@contextmanager
def calling(*, in_person: bool = False) -> Iterator[Call]:
    """Yield the way to call the server.

    The key is ENGRAM_API_KEY's, else the home's own for the home's own server. in_person: True for what a person does
    signed in, never a key. Without a key the name and the password are asked for at the terminal, and the sign-in ends
    with the block. Raises UsageError where there is no server to call.
    """
    from engram.client.clients import home_key
    from engram.settings import load_settings

    url, key = address(), os.environ.get("ENGRAM_API_KEY", "")
    if not key and not os.environ.get("ENGRAM_URL"):
        key = home_key(load_settings().home)
    token = "" if key and not in_person else _sign_in(url)
    with make_api(url, token or key) as api:
        try:
            yield Call(api)
        finally:
            if token:
                _sign_out(api)


def address() -> str:
    """Return where the server is: ENGRAM_URL, or the address that the server of this home wrote down.

    Raises UsageError where there is none, and for plain http to another machine: a password would be readable there.
    """
    from engram.errors import UsageError
    from engram.files import read_json
    from engram.settings import load_settings

    note = load_settings().home / "server.json"
    url = os.environ.get("ENGRAM_URL") or (str(read_json(note)["url"]) if note.exists() else "")
    if not url:
        raise UsageError("No server is running for this home.", remedy="Start one with `engram up`, or set ENGRAM_URL.")
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise UsageError(f"{url} is plain http to another machine; secrets would be readable.", remedy="Use https.")
    return url


def make_api(url: str, key: str) -> Api:
    """Return a client of the server."""
    from engram.client.api import Api

    return Api(url, key)


def path(*parts: str) -> str:
    """Join what stands in a path; no part of it leads elsewhere.

    >>> path("users", "../keys")
    '/users/..%2Fkeys'
    """
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def every(call: Call, where: str, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return all items of a list, page by page."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = call("GET", where, query={**(query or {}), **({"after": after} if after else {})})
        found += page["items"]
        after = page.get("next")
        if after is None:
            return found


def user_id(call: Call, name: str) -> str:
    """Return the id of a user, given by name or id.

    Raises NotFound.
    """
    from engram.errors import NotFound

    folded = name.strip().casefold()
    for one in every(call, "/users", {"name": folded} if not name.startswith("u_") else {}):
        if name == one["id"] or folded == one["name"]:
            return str(one["id"])
    raise NotFound(f"There is no user {name!r}.", remedy="See: engram users list")


def ask_password(what: str = "Password") -> str:
    """Ask for a password at the terminal; it is not shown, and stands in no argument and no variable."""
    import getpass

    return getpass.getpass(f"{what}: ")


def _sign_in(url: str) -> str:
    name = os.environ.get("ENGRAM_USER") or typer.prompt("Name", err=True)
    with make_api(url, "") as api:
        made = api.call("POST", "/api/v1/sessions", {"name": name, "password": ask_password()})
    if made["must_change_password"]:
        from engram.cli import output

        output.warn("Your password must be changed first: engram users password")
    return str(made["access_token"])


def _sign_out(api: Api) -> None:
    from engram.errors import NotSignedIn, ServerAway

    try:
        api.call("DELETE", "/api/v1/sessions/mine")
    except (NotSignedIn, ServerAway):
        return  # it has ended already, as after a changed password; or it ends by itself
