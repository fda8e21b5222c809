"""The home's `VERSION`, and how a server opens a home: a newer one is refused, an older one wants `engram upgrade`."""

from __future__ import annotations

from pathlib import Path

from engram.errors import HomeNewer, UserError, VerificationFailed
from engram.files import write_atomic
from engram.store.database import Database, open_database
from engram.store.migrate import is_current, migrate, version_of

VERSION_FILE = "VERSION"
NOUN, NEWEST = "engram.home", 1


def check_home(home: Path) -> int:
    """Return the format of a home, 0 when it has no VERSION yet.

    Raises HomeNewer when a newer release wrote it, and VerificationFailed when the file says something else.
    """
    path = home / VERSION_FILE
    if not path.exists():
        return 0
    said = path.read_bytes()[:80].decode("ascii", "replace").strip()
    noun, _, number = said.partition("/")
    if noun != NOUN or not number.isdigit():
        raise VerificationFailed(f"{path} says {said!r}, not {NOUN}/{NEWEST}.", remedy="Restore it from a backup.")
    if int(number) > NEWEST:
        raise HomeNewer(
            f"The home {home} has format {said}, and this Engram knows up to {NOUN}/{NEWEST}: a newer release has been "
            "here. Nothing was changed.",
            remedy="Install that release, or restore the backup that its upgrade made.",
        )
    return int(number)


def stamp_home(home: Path) -> None:
    """Write this release's format into a home."""
    write_atomic(home / VERSION_FILE, f"{NOUN}/{NEWEST}\n".encode())


def open_home(home: Path, url: str | None = None, *, make: bool = True) -> Database:
    """Open the database of a home for work; the tables of a new one are made, unless ``make`` is false.

    Raises HomeNewer when a newer release has been here, and UserError when an older one has: that is for
    `engram upgrade`, which makes a backup first.
    """
    check_home(home)
    db = open_database(home, url)
    try:
        with db.read() as tx:
            fresh = not version_of(tx)
        if fresh and make:
            migrate(db)
            stamp_home(home)
        elif not is_current(db):
            raise UserError(f"The database {db.place} has not this release's tables.", remedy="Run: engram upgrade")
    except BaseException:
        db.close()
        raise
    return db
