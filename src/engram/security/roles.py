"""Custom roles, the giving of roles, and the scopes of keys: nobody hands on more than she has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engram.errors import Forbidden, UnknownName, UsageError
from engram.security.operations import OPERATIONS, Reach
from engram.security.policy import (
    CustomRole,
    CustomRoles,
    check_operations,
    in_scope,
    operations_of,
    reach_of,
    reach_of_role,
)
from engram.security.principal import BUILT_IN, USER_ROLES, Principal


def make_role(
    granter: Principal, name: str, reach: Mapping[str, Reach], custom_roles: CustomRoles | None = None
) -> CustomRole:
    """Make a custom role of operations that the granter has herself, each no farther than she reaches.

    Raises Forbidden when it would reach farther, UnknownName for an operation that is not in the table, and UsageError
    for a name that is taken by a built-in role or is no plain word.

    >>> role = make_role(Principal("u_1", "admin"), "reviewer", {"reviews.decide": Reach.ANY})
    >>> make_role(Principal("u_2", "developer"), "reviewer", role.reach)
    Traceback (most recent call last):
    engram.errors.Forbidden: The role 'reviewer' would reach any with reviews.decide; ...
    """
    if name in BUILT_IN or not name.isascii() or not name.replace("-", "").isalnum() or name != name.lower():
        raise UsageError(
            f"{name!r} can't be the name of a role: expected lower-case letters, digits and '-', and none of "
            f"{', '.join(BUILT_IN)}.",
            remedy="For example: reviewer",
        )
    check_operations(reach)
    _refuse_more(granter, f"The role {name!r}", reach, custom_roles or {})
    return CustomRole(name, {operation: Reach(far) for operation, far in reach.items() if far})


def check_assignment(granter: Principal, role: str, custom_roles: CustomRoles | None = None) -> None:
    """Refuse to give somebody a role that reaches farther than the granter does.

    Ask it also before a password is reset or a user is changed, with the role that she has: whoever can take an account
    over has its role. Raises Forbidden when it would, and UnknownName when there is no such role for users.

    >>> check_assignment(Principal("u_1", "admin"), "developer")
    """
    roles = custom_roles or {}
    if role not in USER_ROLES and role not in roles:
        raise UnknownName.of("role", role, [*USER_ROLES, *roles])
    _refuse_more(granter, f"The role {role!r}", _reaches_of_role(role, roles), roles)


def check_scopes(granter: Principal, scopes: Iterable[str], custom_roles: CustomRoles | None = None) -> frozenset[str]:
    """Return the scopes of a new API key when each names something that its owner may do now.

    A key never does more than its owner's present role; this check only keeps misspelt and useless scopes out.
    Raises UnknownName for a scope that names nothing, Forbidden for one that the owner has nothing of, and UsageError
    when there is none.

    >>> sorted(check_scopes(Principal("u_1", "viewer"), ["runs.list", "deployments.*"]))
    ['deployments.*', 'runs.list']
    """
    found = frozenset(scopes)
    if not found:
        raise UsageError("A key without scopes can do nothing.", remedy="Give at least one, for example runs.list")
    have = operations_of(granter, custom_roles)
    for scope in sorted(found):
        covered = [name for name in OPERATIONS if in_scope(name, {scope})]
        if not covered:
            raise UnknownName.of("scope", scope, OPERATIONS)
        if not set(covered) & set(have):
            raise Forbidden(f"The role {granter.role!r} has nothing of the scope {scope!r}.", remedy="Ask an Admin.")
    return found


def _reaches_of_role(role: str, custom_roles: CustomRoles) -> Mapping[str, Reach]:
    return {name: reach_of_role(role, row, custom_roles) for name, row in OPERATIONS.items()}


def _refuse_more(granter: Principal, what: str, reach: Mapping[str, Reach], custom_roles: CustomRoles) -> None:
    for operation, far in reach.items():
        own = reach_of(granter, operation, custom_roles)
        if far > own:
            raise Forbidden(
                f"{what} would reach {Reach(far).name.lower()} with {operation}; whoever grants it reaches "
                f"{own.name.lower()}.",
                remedy="Leave that operation out, or ask somebody who has it.",
            )
