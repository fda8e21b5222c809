"""Users. The password's hash never travels with the record."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypedDict, Unpack

from sqlalchemy import Connection, select

from engram.store import rows, tables
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record


@dataclass(frozen=True)
class User:
    """Somebody with a role. disabled: since when, or None. provider, subject: who vouches for a login elsewhere."""

    id: str
    name: str
    title: str
    email: str
    role: str
    provider: str | None
    subject: str | None
    disabled: int | None
    created: int
    updated: int
    version: int


class UserChanges(TypedDict, total=False):
    """What may change about a user."""

    title: str
    email: str
    role: str
    password_hash: str | None
    must_change_password: bool
    provider: str | None
    subject: str | None
    disabled: int | None


def create_user(
    tx: Connection,
    *,
    name: str,
    role: str,
    title: str = "",
    email: str = "",
    password_hash: str | None = None,
    must_change_password: bool = False,
    id: str | None = None,
    provider: str | None = None,
    subject: str | None = None,
) -> User:
    """Make a user; raises Conflict when the name, or the subject at its provider, is taken."""
    identity = id or new_id("u")
    said = {"title": title, "email": email, "password_hash": password_hash, "provider": provider, "subject": subject}
    flags = {"must_change_password": must_change_password}
    rows.add(tx, tables.users, "user", {"id": identity, "name": name, "role": role, **said, **flags, **rows.stamps(tx)})
    return get_user(tx, identity)


def get_user(tx: Connection, id: str) -> User:
    """Return a user; raises NotFound."""
    return rows.find(tx, tables.users, User, "user", id=id)


def find_user(tx: Connection, name: str) -> User | None:
    """Return the user of a name, or None."""
    return rows.maybe(tx, tables.users, User, name=name)


def find_external(tx: Connection, provider: str, subject: str) -> User | None:
    """Return the user whom a provider knows by that subject, or None."""
    return rows.maybe(tx, tables.users, User, provider=provider, subject=subject)


def password_hash(tx: Connection, id: str) -> str | None:
    """Return the stored hash of a user's password; None when there is no such user, or no password."""
    return tx.execute(select(tables.users.c.password_hash).where(tables.users.c.id == id)).scalar_one_or_none()


def list_users(tx: Connection, ask: Ask) -> Page[User]:
    """Return a page of users, newest first; filters: role, and the beginning of the name."""
    users = tables.users
    return list_page(tx, columns(users, User), users, lambda row: to_record(User, row), ask)


def names_of(tx: Connection, ids: Collection[str]) -> dict[str, str]:
    """Return the names of users by their ids; an unknown one is left out."""
    known = tables.users.c
    return {row.id: row.name for row in tx.execute(select(known.id, known.name).where(known.id.in_(ids)))}


def count_users(tx: Connection, role: str | None = None) -> int:
    """Return how many users there are who are not disabled, of one role or of all."""
    users = tables.users.c
    return rows.count(tx, tables.users, users.disabled.is_(None), *([users.role == role] if role else []))


def change_user(tx: Connection, id: str, *, version: int | None = None, **changes: Unpack[UserChanges]) -> User:
    """Change a user; raises NotFound, and Changed when `version` is not the present one."""
    rows.change(tx, tables.users, "user", {"id": id}, changes, version)
    return get_user(tx, id)


def erase_user(tx: Connection, id: str, at: int) -> User:
    """Forget who a user was; the row stays, disabled, so that what she made keeps an owner. Raises NotFound."""
    gone = {"name": f"deleted {id}", "title": "", "email": "", "password_hash": None, "provider": None, "subject": None}
    rows.change(tx, tables.users, "user", {"id": id}, {**gone, "disabled": at}, None)
    return get_user(tx, id)
