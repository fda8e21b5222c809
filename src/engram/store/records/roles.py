"""Custom roles: a name for operations, each with its reach. The built-in roles stand in the policy, not here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete

from engram.errors import Conflict
from engram.store import rows, tables
from engram.store.pages import columns, to_record


@dataclass(frozen=True)
class Role:
    """A custom role. reach: operation → how far it gets, in the policy's words."""

    name: str
    reach: Mapping[str, str]
    created: int
    updated: int
    version: int


def create_role(tx: Connection, name: str, reach: Mapping[str, str]) -> Role:
    """Make a role; raises Conflict when the name is taken."""
    values = {"name": name, "reach": dict(reach), **rows.stamps(tx)}
    rows.add(tx, tables.roles, "role", values)
    return get_role(tx, name)


def get_role(tx: Connection, name: str) -> Role:
    """Return a role; raises NotFound."""
    return rows.find(tx, tables.roles, Role, "role", name=name)


def list_roles(tx: Connection) -> tuple[Role, ...]:
    """Return all custom roles by name; there are few."""
    query = columns(tables.roles, Role).order_by(tables.roles.c.name)
    return tuple(to_record(Role, row) for row in tx.execute(query))


def change_role(tx: Connection, name: str, reach: Mapping[str, str], *, version: int | None = None) -> Role:
    """Give a role other operations; raises NotFound, and Changed when `version` is not the present one."""
    rows.change(tx, tables.roles, "role", {"name": name}, {"reach": dict(reach)}, version)
    return get_role(tx, name)


def delete_role(tx: Connection, name: str, *, version: int | None = None) -> None:
    """Remove a role.

    Raises NotFound, Conflict while a user has it, and Changed when `version` is not the present one.
    """
    rows.check_version("role", get_role(tx, name).version, version)
    holders = rows.count(tx, tables.users, tables.users.c.role == name)
    if holders:
        raise Conflict(f"{holders} users have the role {name!r}.", remedy="Give them another role first.")
    tx.execute(delete(tables.roles).where(tables.roles.c.name == name))
