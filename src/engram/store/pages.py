"""Pages of long lists: sorted newest first by a time and an id, and continued by a cursor, so that nothing is shown
twice and nothing is left out while others add to the list.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select, tuple_

from engram.errors import UsageError
from engram.store.tables.base import Words

T = TypeVar("T")
MOST, USUAL = 200, 50
_CURSOR_CHARS = 1000


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list. `next` continues it, and is None at the end."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True)
class Ask:
    """Which part of a list is wanted, by whom, and what it is narrowed to.

    visible_to: the user who sees only what is hers, and with_shared also what others share with the house; None sees
    everything. after: a cursor. since, until: times of
    making in microseconds, the first included, the second not. equal, prefix: column → value; None there asks nothing.
    oldest: the oldest first, in place of the newest; a cursor goes on in the order that is asked for.
    """

    visible_to: str | None = None
    after: str | None = None
    limit: int = USUAL
    since: int | None = None
    until: int | None = None
    equal: Mapping[str, Any] | None = None
    prefix: Mapping[str, str | None] | None = None
    with_shared: bool = False
    oldest: bool = False


def list_page(
    tx: Connection, query: Select[Any], table: Table, make: Callable[[Row[Any]], T], ask: Ask, *, last: str = "id"
) -> Page[T]:
    """Return the wanted page of a query over a table that has `created` and is indexed by `created` and `last`.

    Raises UsageError for a limit outside 1 to 200, a cursor that is none of this list, and a filter it doesn't have.
    """
    if not 1 <= ask.limit <= MOST:
        raise UsageError(f"A page holds 1 to {MOST} items, not {ask.limit}.", remedy=f"Ask for at most {MOST}.")
    created, identity = table.c.created, table.c[last]
    if ask.after is not None:
        here, end = tuple_(created, identity), tuple_(*open_cursor(table.name, ask.after))
        query = query.where(here > end if ask.oldest else here < end)
    order = (created, identity) if ask.oldest else (created.desc(), identity.desc())
    query = query.order_by(*order).limit(ask.limit + 1)
    rows = list(tx.execute(query.where(*conditions(table, ask))).all())
    if ask.visible_to is not None and ask.with_shared and "shared" in table.c:
        # Each part by an index of its own, then laid together: one query with OR would walk through everybody's rows.
        others = (table.c.shared, table.c.owner != ask.visible_to)
        rows += tx.execute(query.where(*conditions(table, replace(ask, visible_to=None)), *others)).all()
        rows.sort(key=lambda row: (row._mapping[created], row._mapping[identity]), reverse=not ask.oldest)
    items = tuple(make(row) for row in rows[: ask.limit])
    if len(rows) <= ask.limit:
        return Page(items)
    final = rows[ask.limit - 1]._mapping
    return Page(items, make_cursor(table.name, final[created], final[identity]))


def conditions(table: Table, ask: Ask) -> list[ColumnElement[bool]]:
    """Return what narrows a list; raises UsageError for a filter by a column that the table doesn't have."""
    found: list[ColumnElement[bool]] = []
    if ask.visible_to is not None:
        found.append(table.c.owner == ask.visible_to)
    for name, value in {**(ask.equal or {}), **(ask.prefix or {})}.items():
        if value is not None and name not in table.c:
            raise UsageError(
                f"{table.name} can't be filtered by {name!r}.", remedy=f"Known: {', '.join(table.c.keys())}."
            )
    found += [table.c[name] == value for name, value in (ask.equal or {}).items() if value is not None]
    for name, start in (ask.prefix or {}).items():
        if start:  # not LIKE: it knows wildcards, and on SQLite no upper and lower case
            found.append(func.substr(table.c[name], 1, len(start), type_=Words) == start)
    if ask.since is not None:
        found.append(table.c.created >= ask.since)
    if ask.until is not None:
        found.append(table.c.created < ask.until)
    return found


def make_cursor(name: str, *place: int | str) -> str:
    """Write a place in a list as an opaque text; it holds nothing that the page did not show.

    >>> open_cursor("runs", make_cursor("runs", 7, "r_1"))
    (7, 'r_1')
    """
    return base64.urlsafe_b64encode(json.dumps([name, *place]).encode()).decode().rstrip("=")


def open_cursor(name: str, cursor: str) -> tuple[int, str]:
    """Read a cursor of the list of that name.

    Raises UsageError when it is none.

    >>> open_cursor("runs", "bm9wZQ")
    Traceback (most recent call last):
    engram.errors.UsageError: That is no cursor of runs. Take `next` of the page before, or leave it out.
    """
    bad = UsageError(f"That is no cursor of {name}.", remedy="Take `next` of the page before, or leave it out.")
    if len(cursor) > _CURSOR_CHARS:
        raise bad
    try:
        content = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise bad from error
    match content:
        case [str(of), int(created), str(identity)] if of == name and abs(created) < 1 << 63:
            if identity.isprintable() and not isinstance(created, bool):
                return created, identity
    raise bad


def to_record(cls: type[T], row: Row[Any]) -> T:
    """Build a record from a row whose columns bear the names of its fields; lists become tuples."""
    names, values = _names(cast(Hashable, cls)), row._mapping
    if row._fields == names:  # as `columns` selects them
        return cls(*(tuple(value) if value.__class__ is list else value for value in row))
    return cls(**{name: _fixed(values[name]) for name in names})


def columns(table: Table, cls: type) -> Select[Any]:
    """Select the columns of a table that a record has fields for."""
    return select(*(table.c[name] for name in _names(cast(Hashable, cls))))


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
