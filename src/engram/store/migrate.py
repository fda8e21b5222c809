"""Migrations: bring a database to this release's tables, one transaction a version, so that a crash takes it back.

Whether there is anything to do is told by names alone: a server that starts imports no tools for it.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from engram.errors import HomeNewer, UsageError
from engram.proc import crashpoint
from engram.store.database import Database
from engram.store.tables import METADATA

FOLDER = Path(__file__).parent / "migrations"
NAME = re.compile(r"v(\d{4})_\w+\.py")  # a file of a version begins with its number
NOTE = "alembic_version"  # the table in which a database says its version


def migrate(db: Database) -> list[str]:
    """Bring the database to this release and return the versions that were applied, oldest first.

    Each version is one transaction: after an error or a crash the database stands at the version before it.
    Raises HomeNewer when a newer release has been here, and UsageError when the database belongs to something else.
    """
    applied: list[str] = []
    while revision := _apply_next(db):
        applied.append(revision)
    return applied


def is_current(db: Database) -> bool:
    """Tell whether the database has this release's tables; False where `migrate` has something to do.

    Raises HomeNewer when a newer release has been here.
    """
    with db.read() as tx:
        return _next(tx, db.place) is None


def version_of(tx: Connection) -> str:
    """Return the version of the database's tables, or an empty string for a database without any."""
    if not inspect(tx).has_table(NOTE):
        return ""
    return tx.execute(text(f"SELECT version_num FROM {NOTE}")).scalar() or ""  # noqa: S608 (a constant)


def versions() -> list[str]:
    """Return the versions that this release knows, oldest first."""
    found = (NAME.fullmatch(path.name) for path in (FOLDER / "versions").iterdir())
    return sorted(one[1] for one in found if one)


def _apply_next(db: Database) -> str:
    # The version is read inside the write: of two servers that start together one migrates, the other finds it done.
    with db.write() as tx:
        version = _next(tx, db.place)
        if version is None:
            return ""
        if version == versions()[0]:
            _refuse_foreign(tx, db.place)
        _apply(tx, version)
        return version


def _apply(tx: Connection, version: str) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(FOLDER))
    script, context = scripts.get_revision(version), MigrationContext.configure(tx)
    with Operations.context(context):
        script.module.upgrade()
    crashpoint("store.during-migration")
    context.stamp(scripts, version)


def _next(tx: Connection, place: str) -> str | None:
    """Return the version to apply next, or None when all are applied."""
    here, known = version_of(tx), versions()
    if here and here not in known:
        raise HomeNewer(
            f"{place} has tables of version {here}, and this Engram knows versions up to {known[-1]}: a newer release "
            "has been here. Nothing was changed.",
            remedy="Install that release, or restore the backup that its upgrade made.",
        )
    following = known[known.index(here) + 1 :] if here else known
    return following[0] if following else None


def _refuse_foreign(tx: Connection, place: str) -> None:
    taken = sorted(set(inspect(tx).get_table_names()) & set(METADATA.tables))
    if taken:
        raise UsageError(
            f"{place} holds tables that Engram did not make: {', '.join(taken[:5])}.",
            remedy="Give Engram a database of its own.",
        )
