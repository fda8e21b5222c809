"""Refresh tokens: each is used once and replaced; an old one that comes back ends its whole family.

A family is one sign-in on one device; its id is the `sid` of the access tokens that it gives. Only SHA-256 digests are
stored. Source: RFC 9700 (OAuth 2.0 security best practice), section 4.14.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engram.errors import NotSignedIn
from engram.security.redact import redact_text

PREFIX = "egr_"
SECRET_BYTES = 32
SHAPE = re.compile(r"egr_[A-Za-z0-9_-]{43}")
IDLE_SECONDS = 14 * 24 * 3600
MAX_AGENT = 200
FAMILY_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class RefreshRecord:
    """What is stored of one refresh token; times are seconds since 1970.

    address, agent: from where it was asked for, and what the browser or program calls itself; for its owner to read.
    """

    digest: str
    family: str
    user: str
    issued_at: int
    expires_at: int
    family_ends_at: int
    used: bool = False
    revoked: bool = False
    address: str = ""
    agent: str = ""


class Families(Protocol):
    """Where refresh tokens are remembered; each method is one transaction."""

    def add(self, record: RefreshRecord) -> None:
        """Remember the first token of a family."""

    def find(self, digest: str) -> RefreshRecord | None:
        """Return the record of a digest, used, revoked and expired ones too."""

    def rotate(self, digest: str, successor: RefreshRecord) -> bool:
        """Mark a token as used and add its successor, in one step; False, and nothing changed, if it was used before
        or its family is revoked."""

    def revoke_family(self, family: str) -> None:
        """Revoke every token of a family."""

    def revoke_user(self, user: str) -> int:
        """Revoke every family of a user; return how many lived."""

    def is_revoked(self, family: str) -> bool:
        """Tell whether a family is revoked, or unknown."""


@dataclass(frozen=True)
class Refreshed:
    """A new refresh token, in clear for the last time, and what is stored of it."""

    token: str
    record: RefreshRecord


class FamilyRevoked(NotSignedIn):
    """An old token came back, so its family is revoked: one of the two that hold it is a thief."""

    def __init__(self, user: str, family: str) -> None:
        super().__init__("The refresh token does not count.", remedy="Sign in again.")
        self.user, self.family = user, family


def begin_family(
    families: Families, user: str, clock: Callable[[], float], *, address: str = "", agent: str = ""
) -> Refreshed:
    """Begin a family for a user who has just signed in."""
    now = int(clock())
    made = _make(secrets.token_urlsafe(16), user, now, now + FAMILY_SECONDS, address, agent)
    families.add(made.record)
    return made


def rotate(
    families: Families, token: str, clock: Callable[[], float], *, address: str = "", agent: str = ""
) -> Refreshed:
    """Exchange a refresh token for the next one.

    Raises FamilyRevoked when it was used before (also by a request at the same moment), and NotSignedIn when it is
    unknown, expired or revoked; the words are the same.
    """
    now = int(clock())
    found = families.find(digest_of(token)) if SHAPE.fullmatch(token) else None
    if found is None or found.revoked:
        raise _refused()
    if found.used:
        families.revoke_family(found.family)
        raise FamilyRevoked(found.user, found.family)
    if now >= found.expires_at:
        raise _refused()
    made = _make(found.family, found.user, now, found.family_ends_at, address, agent)
    if not families.rotate(found.digest, made.record):
        families.revoke_family(found.family)
        raise FamilyRevoked(found.user, found.family)
    return made


def sign_out(families: Families, family: str) -> None:
    """End one sign-in: its refresh tokens are dead at once, and its access tokens too, because `sid` is asked for."""
    families.revoke_family(family)


def sign_out_everywhere(families: Families, user: str) -> int:
    """End every sign-in of a user, as after a changed password; return how many there were."""
    return families.revoke_user(user)


def digest_of(token: str) -> str:
    """Return what is stored of a token: the SHA-256 of its text, whose 256 random bits nobody can try, in hex.

    >>> digest_of("egr_x")[:8]
    '78979f9f'
    """
    return hashlib.sha256(token.encode()).hexdigest()


def _make(family: str, user: str, now: int, family_ends_at: int, address: str, agent: str) -> Refreshed:
    token = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    ends = min(now + IDLE_SECONDS, family_ends_at)
    record = RefreshRecord(
        digest_of(token), family, user, now, ends, family_ends_at, address=address, agent=agent_of(agent)
    )
    return Refreshed(token, record)


def agent_of(said: str) -> str:
    """Return what a browser or program calls itself as it is kept: one line, without secrets, short.

    >>> agent_of("curl/8.1\\n" + "x" * 300)[:10]
    'curl/8.1\\\\n'
    """
    return redact_text(said[:MAX_AGENT])


def _refused() -> NotSignedIn:
    return NotSignedIn("The refresh token does not count.", remedy="Sign in again.")
