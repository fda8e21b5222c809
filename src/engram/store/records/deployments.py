"""Deployments: a name under which an artifact answers. Each change is a line of its history, so that it can go back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, select

from engram.errors import Conflict
from engram.store import rows, tables
from engram.store.database import now
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record
from engram.store.records.artifacts import get_artifact

State = Literal["serving", "stopped"]


@dataclass(frozen=True)
class Deployment:
    """A name and the artifact that answers under it.

    options: what else is said of it, as its canary. shared: with the house, to use. version: send it back with a
    change, so that two can't cross.
    """

    id: str
    name: str
    owner: str
    artifact: str
    state: State
    options: Mapping[str, Any]
    shared: bool
    created: int
    updated: int
    version: int


@dataclass(frozen=True)
class Change:
    """One line of a deployment's history. number: from 1; actor, reason: who changed it, and why."""

    number: int
    artifact: str
    state: State
    options: Mapping[str, Any]
    actor: str
    reason: str
    created: int


def create_deployment(
    tx: Connection,
    *,
    name: str,
    owner: str,
    artifact: str,
    actor: str,
    options: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Deployment:
    """Let an artifact answer under a new name.

    Raises Conflict when the name is taken or the artifact is deleted, NotFound when there is no such artifact.
    """
    _refuse_deleted(tx, artifact)
    identity = new_id("dp")
    what = {"artifact": artifact, "state": "serving", "options": options or {}, "shared": False}
    rows.add(
        tx, tables.deployments, "deployment", {"id": identity, "name": name, "owner": owner, **what, **rows.stamps(tx)}
    )
    return _note(tx, get_deployment(tx, identity), actor, reason)


def get_deployment(tx: Connection, id: str, visible_to: str | None = None) -> Deployment:
    """Return a deployment; raises NotFound."""
    return rows.find(tx, tables.deployments, Deployment, "deployment", visible_to, id=id)


def find_deployment(tx: Connection, name: str, visible_to: str | None = None) -> Deployment | None:
    """Return the deployment of a name, or None."""
    return rows.maybe(tx, tables.deployments, Deployment, visible_to, name=name)


def list_deployments(tx: Connection, ask: Ask) -> Page[Deployment]:
    """Return a page of deployments, newest first; filters: state, artifact, and the beginning of the name."""
    deployments = tables.deployments
    return list_page(tx, columns(deployments, Deployment), deployments, lambda row: to_record(Deployment, row), ask)


def change_deployment(
    tx: Connection,
    id: str,
    *,
    actor: str,
    reason: str = "",
    version: int | None = None,
    artifact: str | None = None,
    state: State | None = None,
    options: Mapping[str, Any] | None = None,
    shared: bool | None = None,
) -> Deployment:
    """Deploy another artifact, stop or start, change options, or share; a rollback is a change too, with its reason.

    Raises NotFound; Changed when `version` is not the present one; Conflict when the artifact is deleted.
    """
    if artifact is not None:
        _refuse_deleted(tx, artifact)
    said = {"artifact": artifact, "state": state, "options": options, "shared": shared}
    values = {name: value for name, value in said.items() if value is not None}
    rows.change(tx, tables.deployments, "deployment", {"id": id}, values, version)
    return _note(tx, get_deployment(tx, id), actor, reason)


def delete_deployment(tx: Connection, id: str, *, version: int | None = None) -> None:
    """Remove a deployment with its history; raises NotFound, and Changed when `version` is not the present one."""
    rows.change(tx, tables.deployments, "deployment", {"id": id}, {"state": "stopped"}, version)
    tx.execute(delete(tables.deployments).where(tables.deployments.c.id == id))


def serving(tx: Connection, most: int) -> tuple[Deployment, ...]:
    """Return the deployments that answer, those changed last first, at most so many."""
    deployments = tables.deployments
    query = columns(deployments, Deployment).where(deployments.c.state == "serving")
    found = tx.execute(query.order_by(deployments.c.updated.desc(), deployments.c.id).limit(most))
    return tuple(to_record(Deployment, row) for row in found)


def history(tx: Connection, id: str, visible_to: str | None = None) -> tuple[Change, ...]:
    """Return every change of a deployment, oldest first; raises NotFound."""
    get_deployment(tx, id, visible_to)
    lines = tables.deployment_history
    query = columns(lines, Change).where(lines.c.deployment == id).order_by(lines.c.number)
    return tuple(to_record(Change, row) for row in tx.execute(query))


def _note(tx: Connection, deployment: Deployment, actor: str, reason: str) -> Deployment:
    lines = tables.deployment_history
    last = tx.execute(select(func.max(lines.c.number)).where(lines.c.deployment == deployment.id)).scalar_one() or 0
    what = {"artifact": deployment.artifact, "state": deployment.state, "options": deployment.options}
    who = {"deployment": deployment.id, "number": last + 1, "actor": actor, "reason": reason, "created": now(tx)}
    rows.add(tx, lines, "change", {**who, **what})
    return deployment


def _refuse_deleted(tx: Connection, digest: str) -> None:
    if get_artifact(tx, digest).deleted is not None:
        raise Conflict(f"The artifact {digest} is deleted.", remedy="Deploy one that is there.")
