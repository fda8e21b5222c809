"""The policy: who asks, for what, on whose object: allowed or not, and whether the object even shows itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from engram.errors import UnknownName
from engram.security.operations import IN_PERSON, OPERATIONS, WITH_OLD_PASSWORD, Operation, Reach
from engram.security.principal import (
    ADMIN,
    ANONYMOUS,
    ATTEMPT,
    BUILT_IN,
    HOUSE,
    Attempt,
    Principal,
)

Reason = Literal["", "unknown operation", "sign in", "role", "scope", "in person", "password", "owner", "run", "epoch"]


@dataclass(frozen=True)
class Decision:
    """What the policy says.

    hidden: True when the object must not even show itself: answer as if there were none (404), not with 403.
    reason: for the audit and for the words of a 403; empty when allowed.
    """

    allowed: bool
    hidden: bool = False
    reason: Reason = ""


@dataclass(frozen=True)
class CustomRole:
    """A role that an Admin made: operations of the table, each with a reach."""

    name: str
    reach: Mapping[str, Reach]


CustomRoles = Mapping[str, CustomRole]
ALLOWED = Decision(True)


def decide(
    principal: Principal,
    operation: str,
    owner: str | None = None,
    custom_roles: CustomRoles | None = None,
    *,
    shared: bool = False,
    run: str | None = None,
    epoch: int | None = None,
) -> Decision:
    """Decide one request; what the table doesn't name is refused.

    owner: whose object it is, `HOUSE` for what belongs to everybody, None when there is no such object: an operation on
    an object that is not there answers exactly as one on somebody else's.
    shared: True when the owner shares the object with the house.
    run, epoch: for an attempt's key, the run that is touched and the epoch of its lease now. The reason ``epoch`` means
    that a newer attempt has taken over (409): the one that asks must stop.

    >>> ada = Principal("u_1", "developer")
    >>> decide(ada, "runs.cancel", "u_1")
    Decision(allowed=True, hidden=False, reason='')
    >>> decide(ada, "runs.cancel", "u_2")
    Decision(allowed=False, hidden=True, reason='owner')
    >>> decide(ada, "settings.write")
    Decision(allowed=False, hidden=False, reason='role')
    >>> decide(ada, "runs.explode").reason
    'unknown operation'
    """
    row = OPERATIONS.get(operation)
    if row is None:
        return Decision(False, reason="unknown operation")
    if ANONYMOUS in row.reach:  # open to everybody, so no key and no old password takes it away
        return ALLOWED
    reach = reach_of_role(principal.role, row, custom_roles or {})
    if reach is Reach.NONE:
        return Decision(False, reason="sign in" if principal.role == ANONYMOUS else "role")
    if principal.must_change_password and operation not in WITH_OLD_PASSWORD:
        return Decision(False, reason="password")
    if principal.scopes is not None:
        if operation in IN_PERSON:
            return Decision(False, reason="in person")
        if not in_scope(operation, principal.scopes):
            return Decision(False, reason="scope")
    if not row.on_object:
        return ALLOWED
    if principal.role == ATTEMPT or principal.attempt is not None:
        return _decide_attempt(principal.attempt, run, epoch)
    if owner is not None and _reaches(principal, reach, owner, shared):
        return ALLOWED
    return Decision(False, hidden=True, reason="owner")


def reach_of(principal: Principal, operation: str, custom_roles: CustomRoles | None = None) -> Reach:
    """Return whose rows a list may show to a principal; counts, pages and searches are made of those rows only.

    >>> reach_of(Principal("u_1", "viewer"), "runs.list").name
    'SHARED'
    >>> reach_of(Principal("u_1", "viewer"), "audit.list").name
    'NONE'
    """
    row = OPERATIONS.get(operation)
    if row is None:
        return Reach.NONE
    if ANONYMOUS in row.reach:
        return Reach.ANY
    if not _personal(principal, operation):
        return Reach.NONE
    return reach_of_role(principal.role, row, custom_roles or {})


def operations_of(principal: Principal, custom_roles: CustomRoles | None = None) -> tuple[str, ...]:
    """Return what a principal may do at all, sorted; pages show no button for the rest."""
    if principal.role in BUILT_IN:
        return _of_built_in(principal.role, principal.scopes, must_change=principal.must_change_password)
    return _reached(principal, custom_roles)


def own_only(principal: Principal, custom_roles: CustomRoles | None = None) -> tuple[str, ...]:
    """Return what a principal may do to her own objects and to nobody else's, sorted.

    >>> "runs.cancel" in own_only(Principal("u_1", "developer")), "runs.cancel" in own_only(Principal("u_1", "admin"))
    (True, False)
    """
    near = (one for one in OPERATIONS.values() if one.on_object)
    return tuple(sorted(one.name for one in near if reach_of(principal, one.name, custom_roles) == Reach.OWN))


@lru_cache(256)
def _of_built_in(role: str, scopes: frozenset[str] | None, *, must_change: bool) -> tuple[str, ...]:
    """Return what the table alone decides: no setting and no person changes it while a server runs."""
    return _reached(Principal(role=role, scopes=scopes, must_change_password=must_change), None)


def _reached(principal: Principal, custom_roles: CustomRoles | None) -> tuple[str, ...]:
    return tuple(sorted(name for name in OPERATIONS if reach_of(principal, name, custom_roles)))


def check_operations(names: Iterable[str]) -> None:
    """Refuse to start with a route, topic or method that has no row in the table.

    Raises UnknownName for the first one.

    >>> check_operations(["runs.list", "health.live"])
    >>> check_operations(["runs.lst"])
    Traceback (most recent call last):
    engram.errors.UnknownName: Unknown operation 'runs.lst'. Known: ...
    """
    for name in names:
        if name not in OPERATIONS:
            raise UnknownName.of("operation", name, OPERATIONS)


def _decide_attempt(attempt: Attempt | None, run: str | None, epoch: int | None) -> Decision:
    if attempt is None or run is None or run != attempt.run:
        return Decision(False, hidden=True, reason="run")
    return ALLOWED if epoch == attempt.epoch else Decision(False, reason="epoch")


def reach_of_role(role: str, row: Operation, custom_roles: CustomRoles) -> Reach:
    """Return how far a role gets with an operation, keys and passwords aside; an unknown role gets nowhere."""
    if role in BUILT_IN:
        return row.reach.get(role, Reach.NONE)
    made = custom_roles.get(role)
    if made is None:
        return Reach.NONE
    if row.name in WITH_OLD_PASSWORD:  # whoever can sign in can also change her password and sign out
        return Reach.OWN
    # Bounded again when it is used: a role that was edited in the database still can't do what no Admin may.
    return Reach(min(made.reach.get(row.name, Reach.NONE), row.reach.get(ADMIN, Reach.NONE)))


def _reaches(principal: Principal, reach: Reach, owner: str, shared: bool) -> bool:
    if reach is Reach.ANY or (reach is Reach.SHARED and (shared or owner == HOUSE)):
        return True
    return owner not in ("", HOUSE) and owner == principal.user


def _personal(principal: Principal, operation: str) -> bool:
    """Tell whether password and key leave an operation to a principal."""
    if principal.must_change_password and operation not in WITH_OLD_PASSWORD:
        return False
    return principal.scopes is None or (operation not in IN_PERSON and in_scope(operation, principal.scopes))


def in_scope(operation: str, scopes: Iterable[str]) -> bool:
    """Tell whether scopes name an operation: itself, its noun as ``noun.*``, or everything as ``*``.

    >>> in_scope("runs.list", ["runs.*"]), in_scope("runs.list", ["run.*"])
    (True, False)
    """
    noun = operation.split(".")[0]
    return any(scope in ("*", operation, f"{noun}.*") for scope in scopes)
