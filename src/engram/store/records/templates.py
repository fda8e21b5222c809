"""Templates: base models that runs begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection

from engram.store import rows, tables
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record


@dataclass(frozen=True)
class Template:
    """A base model. source: path or hub id; revision: its pinned commit; body: whatever its kind says about it."""

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
    """What may change about a template."""

    name: str
    revision: str
    digest: str
    body: Mapping[str, Any]


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
) -> Template:
    """Register a template; raises Conflict when the name is taken, and NotFound for an unknown owner."""
    identity = new_id("t")
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
