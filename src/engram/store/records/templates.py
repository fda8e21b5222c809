"""Templates: base models that runs begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, delete

from engram.errors import Conflict
from engram.store import rows, tables
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record


@dataclass(frozen=True)
class Template:
    """A base model with all that a run of it needs.

    source: hub id, ``embedded:…``, ``made:…`` or path; revision: its pinned commit, empty where there is none.
    digest: of what the certificate is about. body: `recipe` (the name it began with), `recipe_text` (the whole recipe
    as YAML), `dataset` (its digest, or empty) and `certificate` (the document).
    """

    id: str
    name: str
    owner: str
    kind: str
    task: str
    source: str
    revision: str
    digest: str
    body: Mapping[str, Any]
    created: int
    updated: int
    version: int


class TemplateChanges(TypedDict, total=False):
    """What may change about a template: never what its certificate says."""

    name: str


def create_template(
    tx: Connection,
    *,
    name: str,
    owner: str,
    kind: str,
    task: str,
    source: str,
    revision: str = "",
    digest: str = "",
    body: Mapping[str, Any] | None = None,
    id: str | None = None,
) -> Template:
    """Register a template; raises Conflict when the name is taken, and NotFound for an unknown owner."""
    identity = id or new_id("t")
    what = {"kind": kind, "task": task, "source": source, "revision": revision, "digest": digest, "body": body or {}}
    rows.add(
        tx, tables.templates, "template", {"id": identity, "name": name, "owner": owner, **what, **rows.stamps(tx)}
    )
    return get_template(tx, identity)


def get_template(tx: Connection, id: str, visible_to: str | None = None) -> Template:
    """Return a template; raises NotFound."""
    return rows.find(tx, tables.templates, Template, "template", visible_to, id=id)


def find_template(tx: Connection, name: str, visible_to: str | None = None) -> Template | None:
    """Return the template of a name, or None."""
    return rows.maybe(tx, tables.templates, Template, visible_to, name=name)


def list_templates(tx: Connection, ask: Ask) -> Page[Template]:
    """Return a page of templates, newest first; filters: kind, task, and the beginning of the name."""
    templates = tables.templates
    return list_page(tx, columns(templates, Template), templates, lambda row: to_record(Template, row), ask)


def change_template(
    tx: Connection, id: str, *, version: int | None = None, **changes: Unpack[TemplateChanges]
) -> Template:
    """Change a template; raises NotFound, and Changed when `version` is not the present one."""
    rows.change(tx, tables.templates, "template", {"id": id}, changes, version)
    return get_template(tx, id)


def maybe_template(tx: Connection, id: str) -> Template | None:
    """Return a template, or None when there is none."""
    return rows.maybe(tx, tables.templates, Template, id=id)


def delete_template(tx: Connection, id: str, *, version: int | None = None) -> None:
    """Remove a template; raises NotFound, Changed, and Conflict while a run refers to it."""
    rows.change(tx, tables.templates, "template", {"id": id}, {}, version)
    if used := rows.count(tx, tables.runs, tables.runs.c.template == id):
        raise Conflict(f"{used} run{'s' * (used != 1)} began with the template {id}, so it stays.")
    tx.execute(delete(tables.templates).where(tables.templates.c.id == id))
