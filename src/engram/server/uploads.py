"""Files that arrive in pieces: quotas, pieces that are durable before they count, and what a crash leaves behind.

``uploads/<upload>/data…`` holds the bytes; the row says how many of them count. What lies behind that was never
acknowledged and is cut away by the next piece. The folder's name is the upload's id, never a name that somebody gave.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from engram.errors import Conflict, NoRoom, PlatformError, Throttled, UsageError
from engram.files import fsync_folder
from engram.proc import crashpoint
from engram.server.platform import Platform
from engram.store.records import datasets, settings, uploads
from engram.store.records.uploads import Upload

PIECE_BYTES = 8 << 20
KEPT_SECONDS = 24 * 3600
GIBIBYTE = 1 << 30
# Settings of the home, in bytes, and what holds while nobody has set them.
USER_QUOTA, HOME_QUOTA = "quota.user_bytes", "quota.home_bytes"
QUOTAS = {USER_QUOTA: 20 * GIBIBYTE, HOME_QUOTA: 200 * GIBIBYTE}
LEAST_FREE_SHARE = 0.05

MOST_CHECKS, CHECK_SECONDS = 8, 5

_checks = threading.BoundedSemaphore(MOST_CHECKS)
_at_work: set[str] = set()
_at_work_lock = threading.Lock()


class WrongPlace(Conflict):
    """A piece that does not begin where the last one ended; `received` says where to go on."""

    def __init__(self, message: str, *, received: int) -> None:
        super().__init__(message, remedy=f"Go on from {received}.")
        self.received = received


def folder_of(home: Path, upload: str) -> Path:
    """Return the folder of an upload's bytes."""
    return home / "uploads" / upload


def file_of(home: Path, upload: Upload, suffix: str = "") -> Path:
    """Return the file of an upload's bytes; `suffix` is one that we know, as ``.csv``."""
    return folder_of(home, upload.id) / f"data{suffix}"


def admit(tx: Connection, home: Path, owner: str, size: int) -> None:
    """Refuse a file that a quota or the disk has no room for.

    Uploads on their way count with their whole size, equal datasets of the home once.
    Raises NoRoom.
    """
    coming, received = uploads.open_bytes(tx)
    used = {
        USER_QUOTA: uploads.open_bytes(tx, owner)[0] + datasets.stored_bytes(tx, owner),
        HOME_QUOTA: coming + datasets.stored_bytes(tx),
    }
    whose = {USER_QUOTA: "You have", HOME_QUOTA: "All users together have"}
    for name, bytes in used.items():
        most = quota(tx, name)
        if bytes + size > most:
            raise NoRoom(
                f"{whose[name]} {most:,} bytes, {max(0, most - bytes):,} of them free; the file has {size:,}.",
                remedy="Delete datasets or uploads that are not needed, or ask an Admin for a larger quota.",
            )
    disk = shutil.disk_usage(home)
    if disk.free - (coming - received) - size < LEAST_FREE_SHARE * disk.total:
        raise NoRoom(
            f"The disk would have less than {LEAST_FREE_SHARE:.0%} free: {disk.free:,} of {disk.total:,} bytes are "
            f"free, and the file has {size:,}.",
            remedy="Make room on the server's disk; engram gc removes what nothing refers to.",
        )


def quota(tx: Connection, name: str) -> int:
    """Return a quota in bytes: the home's setting, or what holds without one; raises PlatformError for nonsense."""
    found = settings.get_setting(tx, name)
    value = QUOTAS[name] if found is None else found.value
    if type(value) is not int or value < 0:
        raise PlatformError(f"The setting {name} is {value!r}.", remedy="Set it to a whole number of bytes.")
    return value


def write_piece(here: Platform, upload: Upload, path: Path, offset: int, content: bytes) -> Upload:
    """Add one piece to an upload; when this returns, it is durable and counts.

    path: the file of the upload's bytes.
    Raises WrongPlace for a piece that doesn't begin where the last one ended, Conflict for an upload that has ended or
    on which another request works, NoRoom when the disk is full.
    """
    with working_on(upload.id):
        with here.db.read() as tx:
            fresh = uploads.get_upload(tx, upload.id)
        check_open(fresh)
        if offset != fresh.received or offset + len(content) > fresh.size:
            raise WrongPlace(
                f"A piece of {len(content)} bytes at {offset} does not fit: {fresh.received} of {fresh.size} bytes "
                "have arrived.",
                received=fresh.received,
            )
        if not content:
            raise UsageError("The piece is empty.", remedy="Send bytes.")
        try:
            _put(path, fresh.received, content)
        except OSError as error:
            raise NoRoom(f"The piece can't be written: {error.strerror}.", remedy="Make room, and go on.") from error
        crashpoint("uploads.after-fsync")
        with here.db.write() as tx:
            return uploads.advance_upload(tx, upload.id, offset=offset, bytes=len(content), seconds=KEPT_SECONDS)


def check_whole(upload: Upload, path: Path) -> None:
    """Refuse to finish what has not arrived whole.

    Raises Conflict, and PlatformError when the disk has lost what was acknowledged.
    """
    check_open(upload)
    if upload.received != upload.size:
        raise WrongPlace(
            f"The upload is not whole: {upload.received} of {upload.size} bytes have arrived.",
            received=upload.received,
        )
    if not path.is_file() or path.stat().st_size < upload.size:
        raise PlatformError(f"The bytes of the upload {upload.id} are gone.", remedy="Begin a new upload.")


def check_open(upload: Upload) -> None:
    """Raise Conflict for an upload that has ended."""
    if upload.state != "open":
        raise Conflict(f"The upload {upload.id} is {upload.state}.", remedy="Begin a new one.")


def abort(here: Platform, upload: str) -> None:
    """End an upload and remove its bytes; one that has ended already stays as it is."""
    with here.db.write() as tx:
        if uploads.get_upload(tx, upload).state == "open":
            uploads.end_upload(tx, upload, "aborted")
    remove_bytes(here.home, upload)


def remove_bytes(home: Path, upload: str) -> None:
    """Remove the bytes of an upload that has ended."""
    shutil.rmtree(folder_of(home, upload), ignore_errors=True)


def sweep(here: Platform) -> int:
    """End the uploads whose time is over and remove their bytes; return how many that were."""
    with here.db.read() as tx:
        over = uploads.expired_uploads(tx)
    for one in over:
        with working_on(one.id):
            abort(here, one.id)
    return len(over)


def sweep_all(here: Platform) -> None:
    """At the server's start, when nothing is on its way: remove the bytes of every upload that has ended, too."""
    sweep(here)
    with here.db.read() as tx:
        living = uploads.living_uploads(tx)
    for folder in (here.home / "uploads").glob("*"):
        if folder.name not in living:
            remove_bytes(here.home, folder.name)


@contextmanager
def checking() -> Iterator[None]:
    """Let a few files be read whole at a time, so that people who finish large ones leave the server to the others.

    Raises Throttled when all places are taken.
    """
    if not _checks.acquire(blocking=False):
        raise Throttled("Other files are being checked.", retry_after=CHECK_SECONDS)
    try:
        yield
    finally:
        _checks.release()


@contextmanager
def working_on(upload: str) -> Iterator[None]:
    """Let one request at a time work on an upload; nobody waits, so that no request can hold the others' threads.

    Raises Conflict for the second one.
    """
    with _at_work_lock:
        if upload in _at_work:
            raise Conflict("Another request works on this upload.", remedy="Ask where it stands, and go on.")
        _at_work.add(upload)
    try:
        yield
    finally:
        with _at_work_lock:
            _at_work.discard(upload)


def _put(path: Path, start: int, content: bytes) -> None:
    fresh = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600), "rb+") as stream:
        if stream.seek(0, os.SEEK_END) < start:
            raise PlatformError("The disk has lost a part of the upload.", remedy="Begin a new upload.")
        stream.truncate(start)
        stream.seek(start)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    if fresh:
        fsync_folder(path.parent)
        fsync_folder(path.parent.parent)
