"""Uploads on their way: how much has arrived, so that a client can go on where it was cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, func, select

from engram.errors import Conflict
from engram.store import rows, tables
from engram.store.database import now
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record

State = Literal["open", "done", "aborted"]


@dataclass(frozen=True)
class Upload:
    """A file that arrives in pieces. digest: what the whole must have; result: the id of what it became."""

    id: str
    owner: str
    purpose: str
    name: str
    digest: str
    size: int
    received: int
    state: State
    expires: int
    result: str
    created: int
    updated: int
    version: int


def create_upload(
    tx: Connection, *, owner: str, purpose: str, name: str, size: int, seconds: int, digest: str = ""
) -> Upload:
    """Begin an upload of ``size`` bytes that is given up ``seconds`` after its last piece."""
    identity = new_id("up")
    what = {"purpose": purpose, "name": name, "digest": digest, "size": size, "received": 0, "state": "open"}
    ends = {"expires": now(tx) + seconds * 1_000_000, "result": ""}
    rows.add(tx, tables.uploads, "upload", {"id": identity, "owner": owner, **what, **ends, **rows.stamps(tx)})
    return get_upload(tx, identity)


def get_upload(tx: Connection, id: str, visible_to: str | None = None) -> Upload:
    """Return an upload; raises NotFound."""
    return rows.find(tx, tables.uploads, Upload, "upload", visible_to, id=id)


def list_uploads(tx: Connection, ask: Ask) -> Page[Upload]:
    """Return a page of uploads, newest first; filter: state."""
    uploads = tables.uploads
    return list_page(tx, columns(uploads, Upload), uploads, lambda row: to_record(Upload, row), ask)


def advance_upload(tx: Connection, id: str, *, offset: int, bytes: int, seconds: int) -> Upload:
    """Note that a piece is durable on the disk.

    offset: where the piece began, which must be where the last one ended.
    Raises NotFound; Conflict when the upload has ended, or the piece does not fit.
    """
    upload = get_upload(tx, id)
    _refuse_ended(upload)
    if offset != upload.received or bytes < 0 or offset + bytes > upload.size:
        raise Conflict(
            f"A piece of {bytes} bytes at {offset} does not fit: {upload.received} of {upload.size} have arrived.",
            remedy=f"Go on from {upload.received}.",
        )
    moved = {"received": offset + bytes, "expires": now(tx) + seconds * 1_000_000}
    rows.change(tx, tables.uploads, "upload", {"id": id}, moved, upload.version)
    return get_upload(tx, id)


def end_upload(tx: Connection, id: str, state: Literal["done", "aborted"], result: str = "") -> Upload:
    """End an upload; raises NotFound, and Conflict when it has ended before, or is done without being whole."""
    upload = get_upload(tx, id)
    _refuse_ended(upload)
    if state == "done" and upload.received != upload.size:
        raise Conflict(f"The upload is not whole: {upload.received} of {upload.size} bytes have arrived.")
    rows.change(tx, tables.uploads, "upload", {"id": id}, {"state": state, "result": result}, upload.version)
    return get_upload(tx, id)


def maybe_upload(tx: Connection, id: str) -> Upload | None:
    """Return an upload, or None when there is none."""
    return rows.maybe(tx, tables.uploads, Upload, id=id)


def expired_uploads(tx: Connection) -> tuple[Upload, ...]:
    """Return the open uploads whose time is over."""
    uploads = tables.uploads.c
    query = columns(tables.uploads, Upload).where(uploads.state == "open", uploads.expires <= now(tx))
    return tuple(to_record(Upload, row) for row in tx.execute(query))


def living_uploads(tx: Connection) -> frozenset[str]:
    """Return the ids of the open uploads whose time is not over: the only ones that have bytes to keep."""
    uploads = tables.uploads.c
    return frozenset(tx.execute(select(uploads.id).where(uploads.state == "open", uploads.expires > now(tx))).scalars())


def open_bytes(tx: Connection, owner: str | None = None) -> tuple[int, int]:
    """Return how many bytes the open uploads of somebody (None: of everybody) will have, and how many have arrived."""
    uploads = tables.uploads.c
    query = select(func.coalesce(func.sum(uploads.size), 0), func.coalesce(func.sum(uploads.received), 0))
    query = query.where(uploads.state == "open")
    if owner is not None:
        query = query.where(uploads.owner == owner)
    size, received = tx.execute(query).one()
    return int(size), int(received)


def _refuse_ended(upload: Upload) -> None:
    if upload.state != "open":
        raise Conflict(f"The upload {upload.id} is {upload.state}.", remedy="Begin a new one.")
