"""Logins: a family of refresh tokens, each used once. Tokens are stored as digests.

A token that comes a second time was stolen, by the first who used it or by the second; so its whole family ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, literal, select, update

from engram.store import rows, tables
from engram.store.database import now
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record

# Asked at every request with an access token, so it is made once.
_ALIVE = select(literal(1)).where(
    tables.logins.c.family == bindparam("wanted"),
    tables.logins.c.revoked.is_(None),
    tables.logins.c.rotated.is_(None),
    tables.logins.c.expires > bindparam("moment"),
)


@dataclass(frozen=True)
class Login:
    """One refresh token. rotated: when it was exchanged for the next one; revoked: when its family ended.

    family_ends: when the family ends at the latest, however often it is refreshed.
    """

    id: str
    family: str
    owner: str
    user_agent: str
    address: str
    created: int
    expires: int
    family_ends: int
    rotated: int | None
    revoked: int | None


@dataclass(frozen=True)
class Rotation:
    """What came of a refresh token: the next login, or None; `reused` says that the family was ended for it."""

    login: Login | None
    reused: bool = False


def create_login(
    tx: Connection,
    *,
    owner: str,
    token_hash: str,
    expires: int,
    family_ends: int | None = None,
    user_agent: str = "",
    address: str = "",
    family: str | None = None,
) -> Login:
    """Store a refresh token, the first of a new family when none is named. Raises NotFound for an unknown owner."""
    identity = new_id("l")
    whose = {"id": identity, "owner": owner, "family": family or identity, "token_hash": token_hash}
    where = {"user_agent": user_agent, "address": address}
    times = {"created": now(tx), "expires": expires, "family_ends": family_ends or expires}
    rows.add(tx, tables.logins, "login", {**whose, **where, **times})
    return rows.find(tx, tables.logins, Login, "login", id=identity)


def rotate(
    tx: Connection, token_hash: str, next_hash: str, *, expires: int, user_agent: str = "", address: str = ""
) -> Rotation:
    """Exchange a refresh token for the next one of its family.

    Raises nothing for a token that was used, revoked, expired or never given: an error would roll back the end of the
    family. The caller commits, then refuses.
    """
    login = rows.maybe(tx, tables.logins, Login, token_hash=token_hash)
    if login is None or login.revoked is not None:
        return Rotation(None)
    if login.rotated is not None:
        revoke_family(tx, login.family)
        return Rotation(None, reused=True)
    time = now(tx)
    if login.expires <= time:
        return Rotation(None)
    tx.execute(update(tables.logins).where(tables.logins.c.id == login.id).values(rotated=time))
    following = create_login(
        tx,
        owner=login.owner,
        token_hash=next_hash,
        expires=expires,
        user_agent=user_agent,
        address=address,
        family=login.family,
    )
    return Rotation(following)


def get_login(tx: Connection, id: str, visible_to: str | None = None) -> Login:
    """Return a login; raises NotFound."""
    return rows.find(tx, tables.logins, Login, "login", visible_to, id=id)


def is_alive(tx: Connection, family: str) -> bool:
    """Tell whether a family still has a token that can be used; access tokens name their family, and are asked so."""
    return tx.execute(_ALIVE, {"wanted": family, "moment": now(tx)}).first() is not None


def find_family(tx: Connection, family: str) -> Login | None:
    """Return the one token of a family that can still be used, or None."""
    logins = tables.logins
    alive = (logins.c.revoked.is_(None), logins.c.rotated.is_(None), logins.c.expires > now(tx))
    row = tx.execute(columns(logins, Login).where(logins.c.family == family, *alive)).one_or_none()
    return None if row is None else to_record(Login, row)


def list_logins(tx: Connection, ask: Ask, *, alive: bool = True) -> Page[Login]:
    """Return a page of logins, newest first; only those that can still be used, unless all are wanted."""
    logins = tables.logins
    query = columns(logins, Login)
    if alive:
        query = query.where(logins.c.revoked.is_(None), logins.c.rotated.is_(None), logins.c.expires > now(tx))
    return list_page(tx, query, logins, lambda row: to_record(Login, row), ask)


def revoke_family(tx: Connection, family: str) -> int:
    """End every login of a family; return how many ended now."""
    return _revoke(tx, tables.logins.c.family == family)


def revoke_all(tx: Connection, owner: str) -> int:
    """End every login of a user, as after a change of the password; return how many ended now."""
    return _revoke(tx, tables.logins.c.owner == owner)


def forget_logins(tx: Connection, before: int) -> int:
    """Remove logins that expired before a time; return how many."""
    return tx.execute(delete(tables.logins).where(tables.logins.c.expires < before)).rowcount


def _revoke(tx: Connection, which: object) -> int:
    logins = tables.logins
    return tx.execute(update(logins).where(which, logins.c.revoked.is_(None)).values(revoked=now(tx))).rowcount  # type: ignore[arg-type]
