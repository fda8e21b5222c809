"""What signing in stands on: users, families, passwords, tokens, the audit, and the limits of tries.

Both limits count every try, before the password is looked at, so that many requests at once can't pass together. A good
sign-in gives the name its tries back, never the address: else whoever has an account could go on for ever.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from limits import RateLimitItem, parse
from limits.strategies import MovingWindowRateLimiter

from engram.errors import NotSignedIn, Throttled, UsageError
from engram.files import sha256_bytes
from engram.security.audit import AuditDraft
from engram.security.limits import limiter_of, throttled
from engram.security.passwords import Passwords
from engram.security.refresh import Families
from engram.security.tokens import AccessToken, TokenIssuer

# A name is locked for minutes only, else a stranger could keep its owner out for days; an address also for a day.
PER_NAME = ("10/15 minutes",)
PER_ADDRESS = ("20/15 minutes", "200/day")
MAX_NAME = 256


@dataclass(frozen=True)
class User:
    """What signing in needs of a user; `password_hash` is None for one who only comes through a provider."""

    id: str
    name: str
    role: str
    password_hash: str | None
    must_change_password: bool = False
    disabled: bool = False


class Users(Protocol):
    """Where users are kept; each method is one transaction."""

    def find(self, name: str) -> User | None:
        """Return the user of a folded name (see `fold_name`), disabled ones too."""

    def get(self, user: str) -> User | None:
        """Return the user of an id, disabled ones too."""

    def set_password(self, user: str, password_hash: str, *, must_change: bool) -> None:
        """Replace a user's password hash."""

    def create_first(self, make: Callable[[], User]) -> bool:
        """Add the first user; False, and none made, when there is any already."""


@dataclass(frozen=True)
class Entrance:
    """What signing in stands on; make it once, at the server's start."""

    users: Users
    families: Families
    passwords: Passwords
    tokens: TokenIssuer
    record: Callable[[AuditDraft], None]
    limiter: MovingWindowRateLimiter
    monotonic: Callable[[], float]
    per_name: tuple[RateLimitItem, ...]
    per_address: tuple[RateLimitItem, ...]


@dataclass(frozen=True)
class SignedIn:
    """What a good sign-in gives: both tokens in clear, and what the access token says."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access: AccessToken
    must_change_password: bool


def make_entrance(
    users: Users,
    families: Families,
    passwords: Passwords,
    tokens: TokenIssuer,
    record: Callable[[AuditDraft], None],
    *,
    per_name: tuple[str, ...] = PER_NAME,
    per_address: tuple[str, ...] = PER_ADDRESS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Entrance:
    """Return what `sign_in` stands on; limits are written as the `limits` library reads them."""
    if not per_name or not per_address:
        raise UsageError("Signing in needs a limit per name and one per address.", remedy="For example: 10/15 minutes")
    return Entrance(
        users, families, passwords, tokens, record, limiter_of(monotonic), monotonic,
        tuple(map(parse, per_name)), tuple(map(parse, per_address)),
    )  # fmt: skip


def fold_name(name: str) -> str:
    """Return a user's name as it is stored, looked up and counted: NFKC, case folded, without blanks at the ends.

    >>> fold_name("  \N{FULLWIDTH LATIN CAPITAL LETTER A}da ")
    'ada'
    """
    text = unicodedata.normalize("NFKC", name[:MAX_NAME]).casefold()
    return unicodedata.normalize("NFKC", text).strip()


def trace_of(name: str) -> str:
    """Return what the audit keeps of a name that was tried: a digest, because people type passwords there.

    >>> trace_of("ada")
    'sha256:fdee430d40bd'
    """
    return sha256_bytes(name.encode("utf-8", "replace"))[:19]


def take_try(entrance: Entrance, name: str, address: str, request: str) -> None:
    """Count one try for an address and a name; raises Throttled when either has had too many."""
    windows = [(item, "address", address) for item in entrance.per_address]
    windows += [(item, "name", name) for item in entrance.per_name]
    for item, what, value in windows:
        if not entrance.limiter.hit(item, what, value):
            reason = f"too many tries of this {what}"
            said = AuditDraft(
                "", "sessions.sign_in", "refused", "", reason, "", request, address, {"name": trace_of(name)}
            )
            entrance.record(said)
            refusal = throttled(entrance.limiter, entrance.monotonic, item, what, value)
            raise Throttled("Too many sign-ins.", retry_after=refusal.retry_after)


def give_tries_back(entrance: Entrance, name: str) -> None:
    """Forget the tries of a name whose owner has just shown that she knows the password."""
    for item in entrance.per_name:
        entrance.limiter.clear(item, "name", name)


def refused_sign_in() -> NotSignedIn:
    """Return the one refusal of a wrong name, a wrong password and a disabled user."""
    return NotSignedIn("Name or password is wrong.", remedy="Try again, or ask an Admin to reset the password.")
