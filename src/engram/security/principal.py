"""Who asks: a user with her present role, perhaps through an API key; an attempt; the server itself; or nobody."""

from __future__ import annotations

from dataclasses import dataclass

ADMIN = "admin"
DEVELOPER = "developer"
VIEWER = "viewer"
ANONYMOUS = "anonymous"
ATTEMPT = "attempt"
SERVICE = "service"

# The roles that a user can have out of the box; Admins add more from the same operations.
USER_ROLES = (ADMIN, DEVELOPER, VIEWER)
BUILT_IN = (*USER_ROLES, ANONYMOUS, ATTEMPT, SERVICE)

# The owner of what belongs to everybody here: shipped recipes, templates, the ledger. No user's id is this word.
HOUSE = "house"


@dataclass(frozen=True)
class Attempt:
    """The one run and the one epoch that an attempt's key is good for."""

    run: str
    epoch: int


@dataclass(frozen=True)
class Principal:
    """Who asks.

    user: the opaque id; empty for nobody, for attempts and for the server itself.
    role: the role that the user has now, not the one she had when a key or token was made.
    scopes: what an API key is limited to (operations, ``noun.*`` or ``*``); None where no key limits it.
    attempt: for an attempt's key, the run and epoch it is good for.
    must_change_password: True until a first or reset password has been replaced.
    """

    user: str = ""
    role: str = ANONYMOUS
    scopes: frozenset[str] | None = None
    attempt: Attempt | None = None
    must_change_password: bool = False


NOBODY = Principal()
# The server when it calls core: it holds the home's own client certificate.
SERVER = Principal(role=SERVICE)


def attempt_principal(run: str, epoch: int) -> Principal:
    """Return the principal of an attempt's key.

    >>> attempt_principal("r_1", 2).attempt
    Attempt(run='r_1', epoch=2)
    """
    return Principal(role=ATTEMPT, attempt=Attempt(run, epoch))
