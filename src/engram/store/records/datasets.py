"""Datasets: named data by digest. A deleted one leaves its row behind, without its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, func, or_, select

from engram.store import rows, tables
from engram.store.database import now
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record


@dataclass(frozen=True)
class Dataset:
    """Data that runs may use. rows and bytes count the content; body: columns and profile; deleted: since when."""

    id: str
    name: str
    owner: str
    digest: str
    format: str
    license: str
    bytes: int
    rows: int
    body: Mapping[str, Any]
    pinned: bool
    deleted: int | None
    created: int
    updated: int
    version: int


class DatasetChanges(TypedDict, total=False):
    """What may change about a dataset; its content never does."""

    name: str
    license: str
    body: Mapping[str, Any]
    pinned: bool


def create_dataset(
    tx: Connection,
    *,
    name: str,
    owner: str,
    digest: str,
    format: str,
    license: str = "",
    bytes: int = 0,
    rows_: int = 0,
    body: Mapping[str, Any] | None = None,
) -> Dataset:
    """Store a dataset; raises NotFound for an unknown owner."""
    identity = new_id("d")
    what = {"digest": digest, "format": format, "license": license, "bytes": bytes, "rows": rows_, "body": body or {}}
    whose = {"id": identity, "name": name, "owner": owner, "pinned": False}
    rows.add(tx, tables.datasets, "dataset", {**whose, **what, **rows.stamps(tx)})
    return get_dataset(tx, identity)


def get_dataset(tx: Connection, id: str, visible_to: str | None = None) -> Dataset:
    """Return a dataset, a deleted one too; raises NotFound."""
    return rows.find(tx, tables.datasets, Dataset, "dataset", visible_to, id=id)


def list_datasets(tx: Connection, ask: Ask) -> Page[Dataset]:
    """Return a page of datasets that are not deleted, newest first; filters: digest, format, beginning of the name."""
    datasets = tables.datasets
    query = columns(datasets, Dataset).where(datasets.c.deleted.is_(None))
    return list_page(tx, query, datasets, lambda row: to_record(Dataset, row), ask)


def change_dataset(
    tx: Connection, id: str, *, version: int | None = None, **changes: Unpack[DatasetChanges]
) -> Dataset:
    """Change a dataset; raises NotFound, and Changed when `version` is not the present one."""
    rows.change(tx, tables.datasets, "dataset", {"id": id}, changes, version)
    return get_dataset(tx, id)


def delete_dataset(tx: Connection, id: str, *, version: int | None = None) -> Dataset:
    """Mark a dataset as deleted: `engram gc` may remove its content, its digest stays. Raises NotFound and Changed."""
    gone = {"name": "", "body": {}, "pinned": False, "deleted": now(tx)}
    rows.change(tx, tables.datasets, "dataset", {"id": id}, gone, version)
    return get_dataset(tx, id)


def maybe_dataset(tx: Connection, id: str) -> Dataset | None:
    """Return a dataset that is not deleted, or None."""
    found = rows.maybe(tx, tables.datasets, Dataset, id=id)
    return None if found is None or found.deleted is not None else found


def find_datasets(tx: Connection, said: str, visible_to: str | None = None) -> tuple[Dataset, ...]:
    """Return the datasets that a text names, by name, digest or id, oldest first; deleted ones are not named."""
    datasets = tables.datasets.c
    named = or_(datasets.name == said, datasets.digest == said, datasets.id == said)
    query = columns(tables.datasets, Dataset).where(named, datasets.deleted.is_(None))
    if visible_to is not None:
        query = query.where(datasets.owner == visible_to)
    return tuple(to_record(Dataset, row) for row in tx.execute(query.order_by(datasets.created, datasets.id)))


def stored_bytes(tx: Connection, owner: str | None = None) -> int:
    """Return the bytes of somebody's datasets; for None those of the home, where equal content lies once."""
    datasets = tables.datasets.c
    if owner is not None:
        query = select(func.coalesce(func.sum(datasets.bytes), 0))
        return int(tx.execute(query.where(datasets.owner == owner, datasets.deleted.is_(None))).scalar_one())
    each = select(func.max(datasets.bytes).label("bytes")).where(datasets.deleted.is_(None)).group_by(datasets.digest)
    return int(tx.execute(select(func.coalesce(func.sum(each.subquery().c.bytes), 0))).scalar_one())
