"""Settings of the home that people change while it runs: policy, limits, providers. A name and plain data each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from engram.store import rows, tables
from engram.store.database import now
from engram.store.pages import columns, to_record


@dataclass(frozen=True)
class Setting:
    """One setting. actor: who set it last."""

    name: str
    value: Any
    actor: str
    updated: int
    version: int


_SOME = columns(tables.settings, Setting).where(tables.settings.c.name.in_(bindparam("names", expanding=True)))


def get_setting(tx: Connection, name: str) -> Setting | None:
    """Return a setting, or None while it was never set."""
    return rows.maybe(tx, tables.settings, Setting, name=name)


def get_settings(tx: Connection, *names: str) -> dict[str, Setting]:
    """Return several settings at once by name; those that were never set are left out."""
    return {row.name: to_record(Setting, row) for row in tx.execute(_SOME, {"names": names})}


def list_settings(tx: Connection) -> tuple[Setting, ...]:
    """Return all settings by name; there are few."""
    query = columns(tables.settings, Setting).order_by(tables.settings.c.name)
    return tuple(to_record(Setting, row) for row in tx.execute(query))


def put_setting(tx: Connection, name: str, value: Any, *, actor: str, version: int | None = None) -> Setting:
    """Set a value; raises Changed when `version` (0 for one that was never set) is not the present one."""
    settings = tables.settings
    found = get_setting(tx, name)
    here = found.version if found else 0
    rows.check_version(f"setting {name!r}", here, version)
    values = {"value": value, "actor": actor, "updated": now(tx), "version": here + 1}
    if found is None:
        tx.execute(insert(settings).values(name=name, **values))
    else:
        tx.execute(update(settings).where(settings.c.name == name).values(**values))
    return rows.find(tx, settings, Setting, "setting", name=name)
