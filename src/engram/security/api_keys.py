"""API keys: 256 random bits behind a prefix that may be shown; stored as SHA-256, looked up at every use.

``egk_<prefix>_<secret>`` is a user's key, ``ega_<prefix>_<secret>`` the key of one attempt. The secret has 256 random
bits, so a fast hash is enough: nobody can try them all, and a slow one would only slow the server.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from engram.errors import NotSignedIn, UsageError
from engram.security.principal import Attempt, Principal

USER_KEY, ATTEMPT_KEY = "egk", "ega"
PREFIX_BYTES, SECRET_BYTES = 6, 32
SHAPE = re.compile(r"(eg[ka]_[0-9a-f]{12})_([A-Za-z0-9_-]{43})")
MAX_NAME = 100
# Compared with for a prefix that doesn't exist; no secret has this digest.
NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class ApiKey:
    """What is stored of a key; times are seconds since 1970, None for never.

    prefix: ``egk_`` and 12 hex digits; it names the key in lists and logs.
    digest: SHA-256 of the whole key, in hex.
    """

    prefix: str
    digest: str = field(repr=False)
    user: str
    name: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    revoked_at: int | None = None
    attempt: Attempt | None = None


class NewKeys(Protocol):
    """Where a key is remembered."""

    def add(self, key: ApiKey) -> None:
        """Remember a new key."""


class ApiKeys(NewKeys, Protocol):
    """Where keys are remembered; each method is one transaction."""

    def find(self, prefix: str) -> ApiKey | None:
        """Return the key of a prefix, revoked and expired ones too; never from a cache."""

    def revoke(self, prefix: str, at: int) -> None:
        """Revoke a key for good; the first time counts."""


@dataclass(frozen=True)
class MadeKey:
    """A new key, in clear for the only time, and what is stored of it."""

    text: str = field(repr=False)
    key: ApiKey


def make_api_key(
    keys: NewKeys,
    user: str,
    name: str,
    scopes: Iterable[str],
    clock: Callable[[], float],
    *,
    expires_at: int | None = None,
) -> MadeKey:
    """Make and remember a user's key; `policy.check_scopes` has seen the scopes before.

    Raises UsageError for a name that can't be shown, an expiry in the past, and a key without scopes.
    """
    now, wanted = int(clock()), frozenset(scopes)
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise UsageError(f"A key's name has 1 to {MAX_NAME} printable characters, not {name[:MAX_NAME]!r}.")
    if expires_at is not None and expires_at <= now:
        raise UsageError(f"The key would expire at {expires_at}, which is not after now ({now}).")
    if not wanted:
        raise UsageError("A key without scopes can do nothing.", remedy="Give at least one, for example runs.list")
    return _make(keys, USER_KEY, user, name, wanted, now, expires_at, None)


def make_attempt_key(
    keys: ApiKeys, user: str, run: str, epoch: int, clock: Callable[[], float], *, expires_at: int | None = None
) -> MadeKey:
    """Make and remember the key of one attempt: good for one run and one epoch; `user` is the run's owner."""
    return _make(keys, ATTEMPT_KEY, user, f"{run}/{epoch}", frozenset(), int(clock()), expires_at, Attempt(run, epoch))


def verify_api_key(keys: ApiKeys, text: str, clock: Callable[[], float]) -> ApiKey:
    """Return the stored key that a text belongs to.

    Raises NotSignedIn, always in the same words, when it is malformed, unknown, wrong, expired or revoked.
    """
    shaped = SHAPE.fullmatch(text)
    found = keys.find(shaped[1]) if shaped else None
    # Compared even when there is no such prefix, and in constant time: an answer's time tells nothing.
    same = hmac.compare_digest(digest_of(text), found.digest if found else NO_DIGEST)
    if found is None or not same or found.revoked_at is not None:
        raise _refused()
    if found.expires_at is not None and clock() >= found.expires_at:
        raise _refused()
    return found


def principal_of(key: ApiKey, role: str) -> Principal:
    """Return who asks with a key; `role` is the owner's role now, whatever it was when the key was made.

    An attempt's key carries no role: it reaches its run and nothing else.
    """
    if key.attempt is not None:
        return Principal(role="attempt", attempt=key.attempt)
    return Principal(key.user, role, scopes=key.scopes)


def digest_of(text: str) -> str:
    """Return what is stored of a key: its SHA-256 in hex.

    >>> len(digest_of("egk_0123456789ab_x"))
    64
    """
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _make(
    keys: NewKeys,
    kind: str,
    user: str,
    name: str,
    scopes: frozenset[str],
    now: int,
    expires_at: int | None,
    attempt: Attempt | None,
) -> MadeKey:
    prefix = f"{kind}_{secrets.token_hex(PREFIX_BYTES)}"
    text = f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    made = ApiKey(prefix, digest_of(text), user, name, scopes, now, expires_at, None, attempt)
    keys.add(made)
    return MadeKey(text, made)


def _refused() -> NotSignedIn:
    return NotSignedIn("The API key does not count.", remedy="Make a new one with: engram keys")
