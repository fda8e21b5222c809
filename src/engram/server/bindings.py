"""What the security room asks for, answered by the store: users, families of refresh tokens, and keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from engram.security import api_keys, entrance, refresh
from engram.security.operations import Reach
from engram.security.policy import CustomRole
from engram.security.principal import Attempt, Principal
from engram.store import tables
from engram.store.database import Database
from engram.store.records import api_keys as stored_keys
from engram.store.records import logins, roles, users

MICROS = 1_000_000
# Asked at every request, so they are made once: making one takes longer than the database does.
_OF_A_USER = ("id", "name", "role", "password_hash", "must_change_password", "disabled")


def _user_by(column: str) -> Select[Any]:
    known = tables.users.c
    return select(*(known[name] for name in _OF_A_USER)).where(known[column] == bindparam("wanted"))


_USER_BY_NAME, _USER_BY_ID = _user_by("name"), _user_by("id")
_KEY = select(tables.api_keys).where(tables.api_keys.c.prefix == bindparam("wanted"))


@dataclass(frozen=True)
class StoredUsers:
    """Users, as signing in needs them."""

    db: Database

    def find(self, name: str) -> entrance.User | None:
        """Return the user of a folded name."""
        return self._one(_USER_BY_NAME, name)

    def get(self, user: str) -> entrance.User | None:
        """Return the user of an id."""
        return self._one(_USER_BY_ID, user)

    def set_password(self, user: str, password_hash: str, *, must_change: bool) -> None:
        """Replace a user's password hash."""
        with self.db.write() as tx:
            users.change_user(tx, user, password_hash=password_hash, must_change_password=must_change)

    def create_first(self, make: Callable[[], entrance.User]) -> bool:
        """Add the first user; False when there is any already, and then none is made."""
        with self.db.write() as tx:
            if users.count_users(tx):
                return False
            user = make()
            users.create_user(
                tx,
                name=user.name,
                role=user.role,
                password_hash=user.password_hash,
                must_change_password=user.must_change_password,
                id=user.id,
            )
            return True

    def _one(self, query: Select[Any], wanted: str) -> entrance.User | None:
        with self.db.read() as tx:
            row = tx.execute(query, {"wanted": wanted}).one_or_none()
        if row is None:
            return None
        id, name, role, password_hash, must_change, disabled = row
        return entrance.User(id, name, role, password_hash, must_change, disabled is not None)


@dataclass(frozen=True)
class StoredFamilies:
    """Refresh tokens, by their digests."""

    db: Database

    def add(self, record: refresh.RefreshRecord) -> None:
        """Remember the first token of a family."""
        with self.db.write() as tx:
            self._put(tx, record)

    def find(self, digest: str) -> refresh.RefreshRecord | None:
        """Return the record of a digest, used, revoked and expired ones too."""
        with self.db.read() as tx:
            row = tx.execute(select(tables.logins).where(tables.logins.c.token_hash == digest)).one_or_none()
        if row is None:
            return None
        return refresh.RefreshRecord(
            digest=digest,
            family=row.family,
            user=row.owner,
            issued_at=row.created // MICROS,
            expires_at=row.expires // MICROS,
            family_ends_at=row.family_ends // MICROS,
            used=row.rotated is not None,
            revoked=row.revoked is not None,
            address=row.address,
            agent=row.user_agent,
        )

    def rotate(self, digest: str, successor: refresh.RefreshRecord) -> bool:
        """Mark a token as used and add its successor, in one step."""
        table = tables.logins
        with self.db.write() as tx:
            fresh = (table.c.token_hash == digest, table.c.rotated.is_(None), table.c.revoked.is_(None))
            changed = tx.execute(update(table).where(*fresh).values(rotated=successor.issued_at * MICROS)).rowcount
            if changed:
                self._put(tx, successor)
            return bool(changed)

    def revoke_family(self, family: str) -> None:
        """Revoke every token of a family."""
        with self.db.write() as tx:
            logins.revoke_family(tx, family)

    def revoke_user(self, user: str) -> int:
        """Revoke every family of a user; return how many tokens lived."""
        with self.db.write() as tx:
            return logins.revoke_all(tx, user)

    def is_revoked(self, family: str) -> bool:
        """Tell whether a family is revoked, or unknown."""
        with self.db.read() as tx:
            return not logins.is_alive(tx, family)

    def _put(self, tx: Connection, record: refresh.RefreshRecord) -> None:
        logins.create_login(
            tx,
            owner=record.user,
            token_hash=record.digest,
            expires=record.expires_at * MICROS,
            family_ends=record.family_ends_at * MICROS,
            family=record.family,
            address=record.address,
            user_agent=record.agent,
        )


@dataclass(frozen=True)
class KeysOf:
    """Where keys are added within a transaction that is open already."""

    tx: Connection

    def add(self, key: api_keys.ApiKey) -> None:
        """Remember a new key."""
        stored_keys.create_key(
            self.tx,
            owner=key.user,
            name=key.name,
            prefix=key.prefix,
            digest=key.digest,
            scopes=key.scopes,
            expires=None if key.expires_at is None else key.expires_at * MICROS,
            run=key.attempt.run if key.attempt else None,
            epoch=key.attempt.epoch if key.attempt else None,
        )


@dataclass(frozen=True)
class StoredKeys:
    """API keys and attempts' keys, by their prefixes."""

    db: Database

    def add(self, key: api_keys.ApiKey) -> None:
        """Remember a new key."""
        with self.db.write() as tx:
            KeysOf(tx).add(key)

    def find(self, prefix: str) -> api_keys.ApiKey | None:
        """Return the key of a prefix, revoked and expired ones too."""
        with self.db.read() as tx:
            row = tx.execute(_KEY, {"wanted": prefix}).one_or_none()
        if row is None:
            return None
        return api_keys.ApiKey(
            prefix=row.prefix,
            digest=row.digest,
            user=row.owner,
            name=row.name,
            scopes=frozenset(row.scopes),
            created_at=row.created // MICROS,
            expires_at=None if row.expires is None else row.expires // MICROS,
            revoked_at=None if row.revoked is None else row.revoked // MICROS,
            attempt=None if row.run is None else Attempt(row.run, row.epoch),
        )

    def revoke(self, prefix: str, at: int) -> None:
        """Revoke a key for good; the first time counts."""
        table = tables.api_keys
        with self.db.write() as tx:
            alive = (table.c.prefix == prefix, table.c.revoked.is_(None))
            tx.execute(update(table).where(*alive).values(revoked=at * MICROS))


def custom_roles_of(db: Database) -> Mapping[str, CustomRole]:
    """Return the roles that Admins have made, by name."""
    with db.read() as tx:
        found = roles.list_roles(tx)
    return {
        one.name: CustomRole(one.name, {name: Reach[far.upper()] for name, far in one.reach.items()}) for one in found
    }


def principal_of(db: Database, user: str, *, must_change: bool = False) -> Principal | None:
    """Return a user as she may act now: her present role; None when she is disabled or gone."""
    found = StoredUsers(db).get(user)
    if found is None or found.disabled:
        return None
    return Principal(found.id, found.role, must_change_password=found.must_change_password)
