"""Copies of a home's parts that are whole and proven: files with their digests, the SQLite file, the ledger."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from engram.errors import PlatformError, Refused, VerificationFailed
from engram.files import BLOCK_BYTES
from engram.ledger.keys import VerifierKey
from engram.ledger.scan import ENTRIES, HISTORY, LEAVES, NEWEST
from engram.ledger.verify import verify_ledger
from engram.schema.manifest import FileEntry

TRIES = 5


def copy_file(source: Path, target: Path, path: str) -> FileEntry:
    """Copy one plain file and return what was copied, its digest taken of the very bytes that were written.

    path: its name in the manifest. Raises Refused for links and devices, FileNotFoundError when it went away.
    """
    if source.is_symlink() or (source.exists() and not source.is_file()):
        raise Refused(f"{source} is not a plain file.", remedy="Put the file itself there.")
    target.parent.mkdir(parents=True, exist_ok=True)
    state, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("xb") as writing:
        os.chmod(writing.fileno(), source.stat().st_mode & 0o700)  # noqa: PTH101 (the open file, not its name)
        while block := reading.read(BLOCK_BYTES):
            state.update(block)
            size += len(block)
            writing.write(block)
    return FileEntry(path, size, f"sha256:{state.hexdigest()}")


def plain_files(folder: Path, skip: frozenset[str]) -> Iterator[Path]:
    """Yield the files below a folder, sorted, without hidden ones (they are being written) and skipped names."""
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in skip)
        for name in sorted(names):
            if not name.startswith(".") and name not in skip:
                yield Path(root) / name


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as it stands between two transactions, also while others write to it.

    Raises VerificationFailed when the copy is not sound, and PlatformError when the source can't be read.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(source, timeout=10)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
    except sqlite3.Error as error:
        raise PlatformError(f"The database {source} can't be copied: {error}.", remedy="See: engram doctor") from error
    check_database(target)


def check_database(path: Path) -> None:
    """Read a SQLite database from end to end; raises VerificationFailed with the first thing that is wrong."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise VerificationFailed(f"{path} is not a sound database: {error}.", remedy="Use another backup.") from error
    if said != ["ok"] or orphans:
        wrong = said[0] if said != ["ok"] else f"a row of {orphans[0][0]} names something that is not there"
        raise VerificationFailed(f"{path} is not a sound database: {wrong}.", remedy="Use another backup.")


def copy_ledger(source: Path, target: Path, key: VerifierKey, path: str) -> list[FileEntry]:
    """Copy a ledger and verify the copy; while somebody appends, again until a copy is whole.

    Raises VerificationFailed when the ledger itself is not as it was signed.
    """
    for _ in range(TRIES):
        before = (source / NEWEST).read_bytes()
        shutil.rmtree(target, ignore_errors=True)
        names = (HISTORY, NEWEST, ENTRIES, LEAVES)
        copied = [copy_file(source / name, target / name, f"{path}/{name}") for name in names]
        failed = next((check for check in verify_ledger(target, key) if not check.ok), None)
        if failed is None:
            return copied
        if (source / NEWEST).read_bytes() == before:
            raise VerificationFailed(
                f"The ledger {source} is not as it was signed: {failed.name}: {failed.detail}.",
                remedy="See: engram ledger verify",
            )
    raise PlatformError(f"The ledger {source} grew during each of {TRIES} copies.", remedy="Try again in a while.")
