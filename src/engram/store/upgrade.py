"""Upgrade: a backup first, then the migrations on a copy of the database, which takes its place when it is proven.

So a step that fails, or a crash at any moment, leaves the home as it was, or as it is to be.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engram.errors import PlatformError, UsageError
from engram.files import fsync_folder, fsync_tree
from engram.proc import crashpoint
from engram.store.backup import backup
from engram.store.copying import check_database, copy_database
from engram.store.database import Database, open_database
from engram.store.home import NEWEST, check_home, stamp_home
from engram.store.migrate import is_current, migrate, version_of, versions
from engram.store.sqlite import DATABASE_FILE

BESIDE = ("-journal", "-wal")


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade did. before, after: versions of the tables; backup: where the old home was copied, or None."""

    before: str
    after: str
    applied: tuple[str, ...]
    backup: Path | None


def upgrade(home: Path, backup_to: Path, *, url: str | None = None, saved: bool = False) -> Upgraded:
    """Bring a home to this release; the caller holds the home lock.

    backup_to: a new folder for the backup; none is made where there is nothing to do. url, saved: a PostgreSQL
    database has its own backup, and ``saved`` says that it was made.
    Raises HomeNewer when a newer release has been here, UsageError when no backup was made, and whatever `backup` and
    the migrations raise; the home is then as it was.
    """
    present = check_home(home)
    if url is None and not (home / DATABASE_FILE).exists():
        stamp_home(home)
        return Upgraded("", "", (), None)
    db = open_database(home, url)
    try:
        before, after = _versions(db)
        if before == after and present == NEWEST:
            return Upgraded(before, after, (), None)
        if url is not None:
            if not saved:
                raise UsageError(
                    f"{db.place} is changed in its place, and Engram can't put it back.",
                    remedy="Save it with pg_dump, then repeat the command with --database-is-saved.",
                )
            applied = tuple(migrate(db))
            stamp_home(home)
            return Upgraded(before, after, applied, None)
    finally:
        db.close()
    backup(home, backup_to)
    applied = _swap(home)
    stamp_home(home)
    return Upgraded(before, after, applied, backup_to)


def _versions(db: Database) -> tuple[str, str]:
    """Return the version of the tables here and that of this release; raises HomeNewer."""
    is_current(db)
    with db.read() as tx:
        return version_of(tx), versions()[-1]


def _swap(home: Path) -> tuple[str, ...]:
    """Migrate a copy of the database, prove it, and let it take the old one's place in one step."""
    folder = Path(tempfile.mkdtemp(dir=home, prefix=".tmp-upgrade-"))
    try:
        copy_database(home / DATABASE_FILE, folder / DATABASE_FILE)
        db = open_database(folder)
        try:
            applied = tuple(migrate(db))
        finally:
            db.close()
        check_database(folder / DATABASE_FILE)
        left = [path.name for at in (home, folder) for end in BESIDE if (path := at / f"{DATABASE_FILE}{end}").exists()]
        if left:  # it would be taken for the new file's own, and spoil it
            raise PlatformError(f"{', '.join(left)} of {home} is in use.", remedy="Stop every process of this home.")
        fsync_tree(folder)
        crashpoint("store.before-swap")
        (folder / DATABASE_FILE).replace(home / DATABASE_FILE)
        fsync_folder(home)
        crashpoint("store.after-swap")
        return applied
    finally:
        shutil.rmtree(folder, ignore_errors=True)
