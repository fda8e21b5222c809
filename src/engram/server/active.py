"""Which server of a home is the active one. A home on SQLite has one by its lock; on PostgreSQL they take a lease.

A standby waits for the lease without listening. Every write checks the lease in its own transaction, so a server that
was asleep while its lease ran out finds out before it can do harm, and ends.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from engram.errors import Conflict, HomeBusy, PlatformError
from engram.files import home_lock
from engram.store import leases
from engram.store.database import Database
from engram.store.leases import Lease

NAME = "server"
LEASE_SECONDS = 10.0
RENEW_SECONDS, ASK_SECONDS = LEASE_SECONDS / 4, 0.5


@contextmanager
def active(home: Path, db: Database, say: Callable[[str], None], ended: threading.Event) -> Iterator[Database]:
    """Be the home's active server while the block lasts; yields the database to write with.

    say: is told when this server must wait. ended: set by who gives up waiting, and by this when the lease is lost.

    Raises HomeBusy when another process owns a home on SQLite, or when the wait was given up.
    """
    if db.is_sqlite:
        with home_lock(home, "the server"):
            yield db
        return
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    lease = _wait(db, owner, say, ended)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(db, lease, done, ended), name="lease", daemon=True)
    keeper.start()
    try:
        with _lock(home, ended):
            yield replace(db, guard=partial(_check, lease))
    finally:
        done.set()
        keeper.join()
        with db.write() as tx:
            leases.release(tx, lease)


def _wait(db: Database, owner: str, say: Callable[[str], None], ended: threading.Event) -> Lease:
    told = False
    while True:
        with db.write() as tx:
            lease = leases.take(tx, NAME, owner, LEASE_SECONDS)
            other = leases.holder(tx, NAME)
        if lease is not None:
            return lease
        if not told and other is not None:
            told = True
            say(f"Standby: the server {other.owner.rpartition(':')[0]} is active; this one takes over when it falls.")
        if ended.wait(ASK_SECONDS):
            raise HomeBusy("Another server is active.", remedy="Nothing was changed.")


@contextmanager
def _lock(home: Path, ended: threading.Event) -> Iterator[None]:
    """Hold the home's lock too: an active server that only slept may still be about to write its files."""
    while True:
        try:
            with home_lock(home, "the server"):
                yield
                return
        except HomeBusy:
            if ended.wait(ASK_SECONDS):
                raise


def _keep(db: Database, lease: Lease, done: threading.Event, ended: threading.Event) -> None:
    while not done.wait(RENEW_SECONDS):
        try:
            with db.write() as tx:
                leases.renew(tx, lease, LEASE_SECONDS)
        except Conflict:
            ended.set()
            return
        except PlatformError:
            continue  # the database is away; the lease runs out by its clock, and no write passes then


def _check(lease: Lease, tx: Connection) -> None:
    try:
        leases.hold(tx, lease)
    except Conflict as error:
        raise PlatformError(
            "This server is no longer the active one. Nothing was changed.", remedy="Ask the one that took over."
        ) from error
