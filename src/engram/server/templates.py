"""Templates of a server: registered for the caller, shown, and those that were made without a server adopted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from engram.errors import Conflict
from engram.pipeline.local_templates import list_templates
from engram.pipeline.template import Drafted, Load, Wanted, check_text, draft, sign
from engram.security.principal import ADMIN
from engram.server.platform import Platform
from engram.store.ids import new_id
from engram.store.pages import Ask
from engram.store.records import templates, users
from engram.store.records.templates import Template
from engram.store.times import from_micros


def draft_for(here: Platform, wanted: Wanted, load: Load) -> Drafted:
    """Put a template together and read its text again, before anything is signed.

    load: from the name of a recipe, changes and flags to the recipe, as the caller may use it.
    """
    drafted = draft(wanted, load, here.home / "datasets")
    check_text(drafted, here.home)
    return drafted


def register(tx: Connection, here: Platform, owner: str, name: str, drafted: Drafted) -> Template:
    """Certify a template and store it; hold `writing`. A name that is taken is never certified.

    Raises Conflict when the name is taken.
    """
    if templates.find_template(tx, name):
        raise Conflict(f"There is a template {name!r} already.", remedy="Choose another name.")
    id = new_id("t")
    what = {"kind": drafted.recipe.kind, "task": drafted.recipe.task, "digest": drafted.digest}
    where = {"source": str(drafted.parts["source"]), "revision": str(drafted.parts["revision"])}
    body = sign(drafted, id, here.ledger, owner)
    return templates.create_template(tx, id=id, name=name, owner=owner, body=body, **what, **where)


def adopt(here: Platform) -> None:
    """Give the templates that were registered without a server to the first Admin, as they were certified."""
    local = list_templates(here.home)
    if not local:
        return
    with here.db.write() as tx:
        admins = users.list_users(tx, Ask(equal={"role": ADMIN}, limit=200)).items
        for one in local if admins else ():
            taken = templates.find_template(tx, one.name) or templates.maybe_template(tx, one.id)
            if taken or here.ledger.find("template.deleted", one.id):
                continue
            owner = min(admins, key=lambda admin: (admin.created, admin.id)).id
            same = {name: getattr(one, name) for name in ("id", "name", "kind", "task", "source", "revision", "digest")}
            templates.create_template(tx, owner=owner, body=one.body, **same)


def shown(one: Template) -> dict[str, Any]:
    """Return a template as the API shows it; its certificate has a route of its own."""
    said = {name: value for name, value in asdict(one).items() if name != "body"}
    body = {name: one.body.get(name, "") for name in ("recipe", "recipe_text", "dataset")}
    return {**said, **body, "created": from_micros(one.created), "updated": from_micros(one.updated)}
