"""Backup and restore of a home: every file with its digest, the manifest last, and in its place whole or not at all.

Kept: the SQLite database, the ledger and its public key, artifacts, datasets, and what is known of runs. Not kept:
checkpoints, cache and logs; and secret keys only when they are asked for.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engram import __version__
from engram.artifacts.paths import check_path
from engram.errors import EngramError, NotFound, PlatformError, UsageError, VerificationFailed
from engram.files import fsync_folder, fsync_tree, new_folder, read_json, sha256_file, write_json
from engram.ledger.keys import PUBLIC_FILE, ROTATIONS_FILE, VerifierKey, load_vkey
from engram.ledger.verify import verify_ledger
from engram.proc import crashpoint
from engram.schema.codec import from_dict, to_dict
from engram.schema.manifest import FileEntry
from engram.store.copying import check_database, copy_database, copy_file, copy_ledger, plain_files
from engram.store.database import open_database
from engram.store.home import VERSION_FILE, check_home
from engram.store.migrate import is_current
from engram.store.sqlite import DATABASE_FILE

FORMAT = "engram.backup/1"
MANIFEST = "backup.json"
KEYS, LEDGER = "keys", "ledger"
FOLDERS = ("artifacts", "datasets", "runs", "templates")
SKIPPED = frozenset({"checkpoints", "staging", "pid"})


@dataclass(frozen=True)
class Backup:
    """What `backup.json` says. secret: whether it holds private keys. made: UTC, for people only."""

    files: tuple[FileEntry, ...]
    secret: bool
    engram: str
    made: str
    format: str = FORMAT


def backup(home: Path, target: Path, *, keys: bool = False, url: str | None = None) -> Backup:
    """Copy a home into a new folder; others may go on working meanwhile.

    keys: also the private keys; whoever holds the folder can then sign as this home.
    Raises UsageError when the target exists or the database is not in the home, NotFound when there is no home,
    VerificationFailed when database or ledger are damaged, PlatformError when the disk refuses.
    """
    if url is not None:
        raise UsageError(
            "This home keeps its database in PostgreSQL, which has its own backup.",
            remedy="Use pg_dump for the database, and copy the home's folder.",
        )
    if target.exists():
        raise UsageError(f"{target} exists already.", remedy="Name a folder that doesn't.")
    if not any((home / name).exists() for name in (DATABASE_FILE, LEDGER, *FOLDERS)):
        raise NotFound(f"There is no home in {home}.", remedy="Set ENGRAM_HOME to the home that you mean.")
    if target.resolve().is_relative_to(home.resolve()):
        raise UsageError(f"{target} lies in the home itself.", remedy="Name a folder elsewhere.")
    check_home(home)
    with _disk_told(target), new_folder(target) as folder:
        folder.chmod(0o700)
        files = sorted(_copied(home, folder, keys), key=lambda entry: entry.path)
        made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        record = Backup(tuple(files), keys, __version__, made)
        fsync_tree(folder)
        crashpoint("store.before-manifest")
        write_json(folder / MANIFEST, to_dict(record))
    crashpoint("store.after-backup")
    return record


def restore(source: Path, home: Path, *, key: VerifierKey | None = None) -> Backup:
    """Make a home from a backup; it is put in place only when every digest, the database and the ledger are right.

    key: the ledger's public key from elsewhere; without one the backup's own is used, which proves that the backup is
    whole but not whose it is.
    Raises UsageError when the home is not empty, NotFound when there is no backup, VerificationFailed when anything in
    it is not as it was written, HomeNewer when a newer release made it, PlatformError when the disk refuses.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(f"{home} is not empty.", remedy="Name a new folder with ENGRAM_HOME, or move that one away.")
    record = read_manifest(source)
    home.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".tmp-{home.name}-"))
    try:
        with _disk_told(home):
            for entry in record.files:
                _restore_file(source, fresh, entry)
            _verify(fresh, key)
            fsync_tree(fresh)
            crashpoint("store.before-restored")
            if home.exists():
                home.rmdir()  # refuses when somebody put something there meanwhile
            fresh.replace(home)
            fsync_folder(home.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return record


def read_manifest(source: Path) -> Backup:
    """Read what a backup holds; raises NotFound when it is none, and VerificationFailed when its manifest is bad."""
    try:
        record = from_dict(Backup, read_json(source / MANIFEST))
        paths = [check_path(entry.path) for entry in record.files]
    except FileNotFoundError as error:
        raise NotFound(
            f"{source} is no backup: it has no {MANIFEST}.", remedy="Name the folder that `engram backup` made."
        ) from error
    except (ValueError, EngramError) as error:
        raise VerificationFailed(f"{source / MANIFEST} is damaged: {error}", remedy="Use another backup.") from error
    if record.format != FORMAT or len(set(paths)) != len(paths):
        raise VerificationFailed(f"{source / MANIFEST} is not {FORMAT}.", remedy="Use the release that made it.")
    return record


def _copied(home: Path, folder: Path, keys: bool) -> Iterator[FileEntry]:
    """Copy part by part: first the database, then what it names, so that nothing that it names is missing."""
    if (home / DATABASE_FILE).exists():
        copied = folder / DATABASE_FILE
        copy_database(home / DATABASE_FILE, copied)
        yield FileEntry(DATABASE_FILE, copied.stat().st_size, sha256_file(copied))
    if (home / VERSION_FILE).exists():
        yield copy_file(home / VERSION_FILE, folder / VERSION_FILE, VERSION_FILE)
    for name in FOLDERS:
        for path in plain_files(home / name, SKIPPED):
            inside = path.relative_to(home).as_posix()
            yield copy_file(path, folder / inside, check_path(inside))
    for path in plain_files(home / KEYS, frozenset()):
        if keys or path.suffix == ".pub" or path.name == ROTATIONS_FILE:
            inside = path.relative_to(home).as_posix()
            yield copy_file(path, folder / inside, check_path(inside))
    if (home / LEDGER).exists():
        yield from copy_ledger(home / LEDGER, folder / LEDGER, load_vkey(home / KEYS / PUBLIC_FILE), LEDGER)


def _restore_file(source: Path, fresh: Path, entry: FileEntry) -> None:
    path = source / entry.path
    if path.resolve() != source.resolve() / entry.path:
        raise VerificationFailed(f"{path} is reached by a link.", remedy="Use another backup.")
    if not path.is_file():
        raise VerificationFailed(f"The backup has lost {entry.path}.", remedy="Use another backup.")
    found = copy_file(path, fresh / entry.path, entry.path)
    if found != entry:
        raise VerificationFailed(
            f"{entry.path} is not what was backed up: its digest is {found.digest}, and it was {entry.digest}.",
            remedy="Use another backup.",
        )


def _verify(fresh: Path, key: VerifierKey | None) -> None:
    check_home(fresh)
    if (fresh / DATABASE_FILE).exists():
        check_database(fresh / DATABASE_FILE)
        db = open_database(fresh)
        try:
            is_current(db)  # an older one is fine, `engram upgrade` brings it up; a newer one raises
        finally:
            db.close()
    if (fresh / LEDGER).exists():
        signer = key or load_vkey(fresh / KEYS / PUBLIC_FILE)
        failed = next((check for check in verify_ledger(fresh / LEDGER, signer) if not check.ok), None)
        if failed:
            bad = f"The ledger of the backup is not as it was signed: {failed.name}: {failed.detail}."
            raise VerificationFailed(bad, remedy="Use another backup.")


@contextmanager
def _disk_told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise PlatformError(
            f"{place} can't be made: {error.strerror or error}{where}. Nothing is left of it.",
            remedy="Make room on the disk, or mend its permissions; if a file went away meanwhile, just try again.",
        ) from error
