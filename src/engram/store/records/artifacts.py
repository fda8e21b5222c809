"""Artifacts: what runs published, by digest. The files lie in the home; these rows say whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, select

from engram.errors import Conflict
from engram.store import rows, tables
from engram.store.database import now
from engram.store.pages import Ask, Page, columns, list_page, to_record


@dataclass(frozen=True)
class Artifact:
    """A published artifact. entry: the index of its certificate in the ledger, None for one that has none."""

    digest: str
    name: str
    owner: str
    run: str
    kind: str
    task: str
    bytes: int
    entry: int | None
    metrics: Mapping[str, float]
    pinned: bool
    shared: bool
    deleted: int | None
    created: int
    updated: int
    version: int


class ArtifactChanges(TypedDict, total=False):
    """What may change about an artifact; its files never do."""

    name: str
    pinned: bool
    shared: bool
    entry: int | None


def put_artifact(
    tx: Connection,
    *,
    digest: str,
    name: str,
    owner: str,
    run: str,
    kind: str,
    task: str,
    bytes: int,
    entry: int | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Artifact:
    """Store an artifact; one of that digest that is there already is returned as it is, deleted ones come back.

    Raises NotFound for an unknown owner.
    """
    found = rows.maybe(tx, tables.artifacts, Artifact, digest=digest)
    if found is None:
        what: dict[str, Any] = {"digest": digest, "name": name, "owner": owner, "run": run, "kind": kind, "task": task}
        size = {"bytes": bytes, "entry": entry, "metrics": metrics or {}, "pinned": False, "shared": False}
        rows.add(tx, tables.artifacts, "artifact", {**what, **size, **rows.stamps(tx)})
    elif found.deleted is not None:
        rows.change(tx, tables.artifacts, "artifact", {"digest": digest}, {"deleted": None}, None)
    return get_artifact(tx, digest)


def get_artifact(tx: Connection, digest: str, visible_to: str | None = None) -> Artifact:
    """Return an artifact, a deleted one too; raises NotFound."""
    return rows.find(tx, tables.artifacts, Artifact, "artifact", visible_to, digest=digest)


def list_artifacts(tx: Connection, ask: Ask) -> Page[Artifact]:
    """Return a page of artifacts that are not deleted, newest first; filters: kind, task, name, run."""
    artifacts = tables.artifacts
    query = columns(artifacts, Artifact).where(artifacts.c.deleted.is_(None))
    return list_page(tx, query, artifacts, lambda row: to_record(Artifact, row), ask, last="digest")


def change_artifact(
    tx: Connection, digest: str, *, version: int | None = None, **changes: Unpack[ArtifactChanges]
) -> Artifact:
    """Change an artifact; raises NotFound, and Changed when `version` is not the present one."""
    rows.change(tx, tables.artifacts, "artifact", {"digest": digest}, changes, version)
    return get_artifact(tx, digest)


def delete_artifact(tx: Connection, digest: str, *, version: int | None = None) -> Artifact:
    """Mark an artifact as deleted; its row stays, because the ledger names it.

    Raises NotFound, Changed, and Conflict while it is deployed.
    """
    deployments = tables.deployments.c
    found = tx.execute(select(deployments.name, deployments.artifact, deployments.options))
    holders = [row.name for row in found if digest in (row.artifact, row.options.get("canary", {}).get("artifact"))]
    if holders:
        raise Conflict(
            f"The artifact is deployed as {', '.join(sorted(holders))}.", remedy="Deploy another one there first."
        )
    rows.change(
        tx,
        tables.artifacts,
        "artifact",
        {"digest": digest},
        {"deleted": now(tx), "pinned": False, "shared": False},
        version,
    )
    return get_artifact(tx, digest)
