"""API keys of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engram.client.asking import ask
from engram.client.effects import Send
from engram.client.nouns.noun import API, Noun, gives, returns


class Keys(Noun):
    """API keys."""

    @gives
    def list(self) -> Any:
        """Iterate over one's keys, without their secrets."""
        yield from self._pages("/keys", {})

    @returns
    def create(self, name: str, scopes: Sequence[str], *, expires_at: int | None = None) -> Any:
        """Make a key; its text is shown this once. Needs an access token: a key makes no keys.

        scopes: operations, ``runs.*`` or ``*``. expires_at: seconds since 1970.
        """
        body = {"name": name, "scopes": list(scopes), "expires_at": expires_at}
        return (yield from self._post("/keys", body))

    @returns
    def revoke(self, prefix: str) -> Any:
        """Revoke a key; it stops working at once."""
        yield from ask(Send("DELETE", f"{API}/keys/{prefix}"), self._patience)

    @returns
    def me(self) -> Any:
        """Say who asks with this client's key, her role, and what she may do."""
        return (yield from self._get("/users/me"))
