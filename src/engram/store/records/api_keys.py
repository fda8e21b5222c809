"""API keys. Only the SHA-256 of a key is stored, beside the few characters by which people tell keys apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, update

from engram.store import rows, tables
from engram.store.database import now
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record

USED_EVERY = 60_000_000  # microseconds between two notes that a key is used: a write for each request would cost more


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret. run, epoch: what an attempt's key is for; None for a person's."""

    id: str
    owner: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created: int
    expires: int | None
    revoked: int | None
    used: int | None
    run: str | None
    epoch: int | None

    def is_valid(self, time: int) -> bool:
        """Tell whether the key may be used at a time (of the database, in microseconds)."""
        return self.revoked is None and (self.expires is None or time < self.expires)


def create_key(
    tx: Connection,
    *,
    owner: str,
    name: str,
    prefix: str,
    digest: str,
    scopes: Iterable[str],
    expires: int | None = None,
    run: str | None = None,
    epoch: int | None = None,
) -> ApiKey:
    """Store a key; raises Conflict when the digest is there already, and NotFound for an unknown owner or run."""
    identity = new_id("k")
    said = {"name": name, "prefix": prefix, "digest": digest, "scopes": sorted(set(scopes))}
    bounds = {"expires": expires, "run": run, "epoch": epoch}
    rows.add(tx, tables.api_keys, "key", {"id": identity, "owner": owner, **said, **bounds, "created": now(tx)})
    return get_key(tx, identity)


def get_key(tx: Connection, id: str, visible_to: str | None = None) -> ApiKey:
    """Return a key; raises NotFound."""
    return rows.find(tx, tables.api_keys, ApiKey, "key", visible_to, id=id)


def find_key(tx: Connection, digest: str) -> ApiKey | None:
    """Return the key of a digest, valid or not, or None."""
    return rows.maybe(tx, tables.api_keys, ApiKey, digest=digest)


def list_keys(tx: Connection, ask: Ask) -> Page[ApiKey]:
    """Return a page of keys, newest first; filter: run."""
    keys = tables.api_keys
    return list_page(tx, columns(keys, ApiKey), keys, lambda row: to_record(ApiKey, row), ask)


def revoke_key(tx: Connection, id: str, visible_to: str | None = None) -> ApiKey:
    """End a key, once: the first time stays. Raises NotFound."""
    get_key(tx, id, visible_to)
    keys = tables.api_keys
    tx.execute(update(keys).where(keys.c.id == id, keys.c.revoked.is_(None)).values(revoked=now(tx)))
    return get_key(tx, id)


def revoke_owner_keys(tx: Connection, owner: str) -> int:
    """End every key that a user made for herself; return how many ended now. Keys of attempts go with their runs."""
    keys = tables.api_keys
    hers = (keys.c.owner == owner, keys.c.run.is_(None), keys.c.revoked.is_(None))
    return tx.execute(update(keys).where(*hers).values(revoked=now(tx))).rowcount


def revoke_run_keys(tx: Connection, run: str, below: int) -> int:
    """End the keys of a run whose epoch is below the given one; return how many ended now."""
    keys = tables.api_keys
    old = (keys.c.run == run, keys.c.epoch < below, keys.c.revoked.is_(None))
    return tx.execute(update(keys).where(*old).values(revoked=now(tx))).rowcount


def note_use(tx: Connection, key: ApiKey) -> None:
    """Note that a key is in use, at most once a minute."""
    time = now(tx)
    if key.used is None or time - key.used >= USED_EVERY:
        tx.execute(update(tables.api_keys).where(tables.api_keys.c.id == key.id).values(used=time))
