"""Rows of any noun: find one, add one, change one; with the same words when that can't be done.

Writers take turns (`engram.store.database`), so what is read here before a change still holds when it is made.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Select, Table, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from engram.errors import Changed, Conflict, NotFound
from engram.store import tables
from engram.store.database import now
from engram.store.pages import columns, to_record

T = TypeVar("T")
UNIQUE = {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


def find(tx: Connection, table: Table, cls: type[T], what: str, visible_to: str | None = None, **keys: Any) -> T:
    """Return the one row whose columns are as given, as a record.

    Raises NotFound when there is none, in the same words when it is somebody else's.
    """
    found = maybe(tx, table, cls, visible_to, **keys)
    if found is None:
        raise NotFound(f"There is no {what} {' '.join(map(str, keys.values()))!r}.")
    return found


def maybe(tx: Connection, table: Table, cls: type[T], visible_to: str | None = None, **keys: Any) -> T | None:
    """Return the one row whose columns are as given, as a record, or None."""
    wanted = {name: value for name, value in keys.items() if value is not None}
    query = _by(table, cast(Hashable, cls), *wanted)
    if len(wanted) < len(keys):
        query = query.where(*(table.c[name].is_(None) for name in keys if name not in wanted))
    if visible_to is not None:
        query = query.where(table.c.owner == visible_to)
    row = tx.execute(query, wanted).one_or_none()
    return None if row is None else to_record(cls, row)


@cache
def _by(table: Table, cls: Any, *names: str) -> Select[Any]:
    """Return the query for rows by their columns; made once, since making it takes longer than the database does."""
    return columns(table, cls).where(*(table.c[name] == bindparam(name) for name in names))


def add(tx: Connection, table: Table, what: str, values: Mapping[str, Any]) -> None:
    """Add a row; a refusal leaves the transaction as it was.

    Raises Conflict when there is such a row already, and NotFound when it names something that is not there.
    """
    try:
        with tx.begin_nested():
            tx.execute(insert(table).values(**values, **_numbered(tx, table)))
    except IntegrityError as error:
        if _code(error) in UNIQUE:
            raise Conflict(
                f"There is such a {what} already.", remedy="Choose another name, or use that one."
            ) from error
        raise NotFound(f"The {what} names something that is not there.", remedy="Make that first.") from error


def change(
    tx: Connection, table: Table, what: str, keys: Mapping[str, Any], values: Mapping[str, Any], version: int | None
) -> None:
    """Change a row that has `updated` and `version`.

    version: what the caller read; None changes whatever is there.
    Raises NotFound when there is none, and Changed when it is no longer at that version.
    """
    here = [table.c[name] == value for name, value in keys.items()]
    present = tx.execute(select(table.c.version).where(*here)).scalar_one_or_none()
    if present is None:
        raise NotFound(f"There is no {what} {' '.join(map(str, keys.values()))!r}.")
    check_version(what, present, version)
    whole = {**values, **_numbered(tx, table), "updated": now(tx), "version": present + 1}
    tx.execute(update(table).where(*here).values(**whole))


def check_version(what: str, present: int, version: int | None) -> None:
    """Refuse with Changed when the caller read another version than the present one; None reads none."""
    if version is not None and version != present:
        raise Changed(
            f"The {what} changed since you read it: you have version {version}, it is at {present}.",
            remedy="Read it again, and decide again.",
        )


def stamps(tx: Connection) -> dict[str, int]:
    """Return the columns that a new row of a noun that changes begins with."""
    time = now(tx)
    return {"created": time, "updated": time, "version": 1}


def next_number(tx: Connection, name: str) -> int:
    """Return the next number of a counter, from 1; one that a transaction took back is given again."""
    counters = tables.counters
    statement = upsert(tx, counters).values(name=name, value=1)
    grown = statement.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + 1})
    return int(tx.execute(grown.returning(counters.c.value)).scalar_one())


def last_number(tx: Connection, name: str) -> int:
    """Return the number that a counter gave last, 0 before any."""
    counters = tables.counters.c
    return int(tx.execute(select(counters.value).where(counters.name == name)).scalar_one_or_none() or 0)


def _numbered(tx: Connection, table: Table) -> dict[str, int]:
    """Number a change of a table whose changes can be followed; clocks may step back, numbers don't."""
    return {"change": next_number(tx, table.name)} if "change" in table.c else {}


def count(tx: Connection, table: Table, *where: Any) -> int:
    """Return how many rows there are."""
    return int(tx.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def upsert(tx: Connection, table: Table) -> Any:
    """Return the INSERT of this database that knows ON CONFLICT."""
    return (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(table)


def _code(error: IntegrityError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", ""))
