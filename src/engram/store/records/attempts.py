"""Attempts: each is one process that works on a run, under an epoch of its own and a lease of the database's time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, update

from engram.store import rows, tables
from engram.store.database import now
from engram.store.pages import columns, to_record
from engram.store.records.api_keys import revoke_run_keys
from engram.store.records.runs import get_run

State = Literal["active", "lost", "ended"]
# Who works on a run: a process of the server's own host, beside the ledger; or a trainer, anywhere.
HOST, TRAINER = "local", "trainer"


@dataclass(frozen=True)
class Attempt:
    """One attempt. handle: how its runner knows it; acked_seq: the last event of an unbroken row, -1 before any.

    state: active; lost (its lease ended in silence, and it may come back); ended.
    """

    run: str
    attempt: int
    epoch: int
    state: State
    runner: str
    handle: str
    acked_seq: int
    lease_until: int
    created: int
    updated: int
    version: int


def start_attempt(tx: Connection, run: str, *, runner: str, seconds: int) -> Attempt:
    """Begin the next attempt of a run: what worked on it before is ended, and its keys with it.

    seconds: until the lease ends, unless the attempt is heard of. Raises NotFound.
    """
    found = get_run(tx, run)
    end_attempts(tx, run)
    number, epoch = found.attempt + 1, found.epoch + 1
    lease = {"acked_seq": -1, "lease_until": now(tx) + seconds * 1_000_000}
    what = {"run": run, "attempt": number, "epoch": epoch, "state": "active", "runner": runner, "handle": ""}
    rows.add(tx, tables.attempts, "attempt", {**what, **lease, **rows.stamps(tx)})
    rows.change(tx, tables.runs, "run", {"id": run}, {"attempt": number, "epoch": epoch}, None)
    revoke_run_keys(tx, run, epoch)
    return get_attempt(tx, run, number)


def end_attempts(tx: Connection, run: str) -> None:
    """End whatever works on a run; what it says from now on changes nothing."""
    attempts = tables.attempts
    old = (attempts.c.run == run, attempts.c.state != "ended")
    tx.execute(update(attempts).where(*old).values(state="ended", updated=now(tx), version=attempts.c.version + 1))


def get_attempt(tx: Connection, run: str, attempt: int) -> Attempt:
    """Return an attempt; raises NotFound."""
    return rows.find(tx, tables.attempts, Attempt, "attempt", run=run, attempt=attempt)


def list_attempts(tx: Connection, run: str, visible_to: str | None = None) -> tuple[Attempt, ...]:
    """Return the attempts of a run, oldest first; raises NotFound when there is no such run."""
    get_run(tx, run, visible_to)
    attempts = tables.attempts
    query = columns(attempts, Attempt).where(attempts.c.run == run).order_by(attempts.c.attempt)
    return tuple(to_record(Attempt, row) for row in tx.execute(query))


def change_attempt(
    tx: Connection, run: str, attempt: int, *, state: State | None = None, handle: str | None = None
) -> Attempt:
    """Note where an attempt runs, or that it is lost or has ended; raises NotFound."""
    values = {name: value for name, value in (("state", state), ("handle", handle)) if value is not None}
    rows.change(tx, tables.attempts, "attempt", {"run": run, "attempt": attempt}, values, None)
    return get_attempt(tx, run, attempt)


def renew(tx: Connection, attempt: Attempt, seconds: int) -> int:
    """Let a lease end ``seconds`` from now, by the database's time, and return that time.

    An attempt that was lost is active again; one that has ended stays so. A lease is never shortened.
    """
    if attempt.state == "ended":
        return attempt.lease_until
    until = max(attempt.lease_until, now(tx) + seconds * 1_000_000)
    attempts = tables.attempts
    here = (attempts.c.run == attempt.run, attempts.c.attempt == attempt.attempt)
    tx.execute(update(attempts).where(*here).values(lease_until=until, state="active"))
    return until


def expired(tx: Connection) -> tuple[Attempt, ...]:
    """Return the attempts that have not ended and whose lease has, by the database's time, the longest silent first."""
    attempts = tables.attempts
    late = (attempts.c.state != "ended", attempts.c.lease_until < now(tx))
    query = columns(attempts, Attempt).where(*late).order_by(attempts.c.lease_until)
    return tuple(to_record(Attempt, row) for row in tx.execute(query))


def active(tx: Connection) -> tuple[Attempt, ...]:
    """Return the attempts that work now, or should, oldest first."""
    attempts = tables.attempts
    query = columns(attempts, Attempt).where(attempts.c.state == "active").order_by(attempts.c.created, attempts.c.run)
    return tuple(to_record(Attempt, row) for row in tx.execute(query))
