"""Leases by name: who is the active server. All times are the database's, so that no client's clock matters.

A term is given once: whoever writes for the holder calls `hold` in the same transaction, and a holder that was asleep
while its lease ran out finds out before it can do harm.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, update

from engram.errors import Conflict
from engram.store import rows, tables
from engram.store.database import now


@dataclass(frozen=True)
class Lease:
    """Who holds a name, in which term, and until when in microseconds. owner: unique to one process."""

    name: str
    owner: str
    term: int
    taken: int
    until: int


def take(tx: Connection, name: str, owner: str, seconds: float) -> Lease | None:
    """Take a lease that is free or has run out, or go on with one's own; None while somebody else holds it."""
    found, time = holder(tx, name), now(tx)
    until = time + round(seconds * 1_000_000)
    if found is None:
        lease = Lease(name, owner, 1, time, until)
        tx.execute(insert(tables.leases).values(name=name, owner=owner, term=1, taken=time, until=until))
        return lease
    if found.until > time:
        return renew(tx, found, seconds) if found.owner == owner else None
    lease = Lease(name, owner, found.term + 1, time, until)
    values = {"owner": owner, "term": lease.term, "taken": time, "until": until}
    tx.execute(update(tables.leases).where(tables.leases.c.name == name).values(**values))
    return lease


def renew(tx: Connection, lease: Lease, seconds: float) -> Lease:
    """Hold a lease for ``seconds`` from now.

    Raises Conflict when it is lost: it ran out, or somebody else has it.
    """
    found = hold(tx, lease)
    until = now(tx) + round(seconds * 1_000_000)
    tx.execute(update(tables.leases).where(tables.leases.c.name == lease.name).values(until=until))
    return Lease(found.name, found.owner, found.term, found.taken, until)


def hold(tx: Connection, lease: Lease) -> Lease:
    """Return the lease as it stands, if this very term still holds; what the transaction does then is safe.

    Raises Conflict when it is lost: it ran out, or somebody else has it.
    """
    found = holder(tx, lease.name)
    if found is None or (found.owner, found.term) != (lease.owner, lease.term) or found.until <= now(tx):
        raise Conflict(
            f"The lease {lease.name!r} of {lease.owner} is lost (term {lease.term}).",
            remedy="Stop doing what it was for; take it again before going on.",
        )
    return found


def release(tx: Connection, lease: Lease) -> None:
    """Give a lease back, so that the next one need not wait; a lost one is left alone."""
    leases = tables.leases.c
    mine = (leases.name == lease.name, leases.owner == lease.owner, leases.term == lease.term)
    tx.execute(update(tables.leases).where(*mine, leases.until > now(tx)).values(until=now(tx)))


def holder(tx: Connection, name: str) -> Lease | None:
    """Return who held a name last, whether or not it has run out; None when nobody ever did."""
    return rows.maybe(tx, tables.leases, Lease, name=name)
