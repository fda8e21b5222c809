"""Idempotency: a request that is sent again under its key is answered again, and makes nothing a second time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from engram.errors import Conflict, PlatformError
from engram.store import rows, tables
from engram.store.database import now

KEPT_SECONDS = 24 * 3600
WORK_SECONDS = 60


@dataclass(frozen=True)
class Reservation:
    """The right to make the thing; hand it to `finish` with what is answered. `token` tells it from a later one."""

    user: str
    operation: str
    key: str
    token: str


@dataclass(frozen=True)
class Answer:
    """What was answered the first time. status: the HTTP status; body: the document."""

    status: int
    body: Any


def answered(tx: Connection, user: str, operation: str, key: str, body_digest: str) -> Answer | None:
    """Return what was answered to this request before, or None; nothing is reserved.

    Raises Conflict when the key was used for another body.
    """
    table = tables.idempotency
    here = (table.c.user == user, table.c.operation == operation, table.c.key == key, table.c.until > now(tx))
    found = tx.execute(select(table).where(*here)).one_or_none()
    if found is None:
        return None
    if found.body_digest != body_digest:
        raise _other(key)
    return Answer(found.status, found.answer) if found.answered is not None else None


def once(
    tx: Connection, user: str, operation: str, key: str, body_digest: str, *, seconds: int = WORK_SECONDS
) -> Answer | Reservation:
    """Return what was answered to this request before, or reserve it.

    In the same transaction make the thing and `finish`: then there is never a reservation without an answer. Where
    that can't be (the work takes long), the reservation holds for ``seconds``, and after a crash it lapses.
    Raises Conflict when the key was used for another body, and while the same request is being worked on.
    """
    table = tables.idempotency
    here = (table.c.user == user, table.c.operation == operation, table.c.key == key)
    found, time = tx.execute(select(table).where(*here)).one_or_none(), now(tx)
    if found is not None and found.until > time:
        if found.body_digest != body_digest:
            raise _other(key)
        if found.answered is not None:
            return Answer(found.status, found.answer)
        raise Conflict("The same request is being worked on.", remedy="Send it again in a moment, with the same key.")
    if found is not None:
        tx.execute(delete(table).where(*here))
    reservation = Reservation(user, operation, key, secrets.token_hex(16))
    who = {"user": user, "operation": operation, "key": key, "token": reservation.token}
    empty = {"body_digest": body_digest, "answered": None, "status": 0, "answer": None}
    rows.add(tx, table, "request", {**who, **empty, "created": time, "until": time + seconds * 1_000_000})
    return reservation


def finish(tx: Connection, reservation: Reservation, status: int, body: Any) -> Answer:
    """Keep what is answered for 24 hours.

    Raises PlatformError when the reservation lapsed and somebody else took it: roll back what was made.
    """
    table, time = tables.idempotency, now(tx)
    values = {"answered": time, "status": status, "answer": body, "until": time + KEPT_SECONDS * 1_000_000}
    if tx.execute(update(table).where(*_is(reservation)).values(**values)).rowcount != 1:
        raise PlatformError(
            f"The reservation of {reservation.operation} lapsed before it was answered.",
            remedy="Send the request again.",
        )
    return Answer(status, body)


def give_up(tx: Connection, reservation: Reservation) -> None:
    """Free a key whose request failed, so that it can be sent again at once."""
    tx.execute(delete(tables.idempotency).where(*_is(reservation)))


def forget(tx: Connection) -> int:
    """Remove what is no longer kept; return how many keys that were."""
    return tx.execute(delete(tables.idempotency).where(tables.idempotency.c.until <= now(tx))).rowcount


def _other(key: str) -> Conflict:
    return Conflict(
        f"The idempotency key {key[:60]!r} was used for another request.", remedy="Use a new key for a new request."
    )


def _is(reservation: Reservation) -> tuple[Any, ...]:
    table = tables.idempotency.c
    names = ("user", "operation", "key", "token")
    return (*(table[name] == getattr(reservation, name) for name in names), table.answered.is_(None))
