"""Templates: a base model, data and a recipe, certified when they are registered; runs begin with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from engram.config.load import Loaded
from engram.files import canonical_json
from engram.pipeline.template import Wanted
from engram.server import templates as registering
from engram.server.access import Here, Who
from engram.server.once import Key, once
from engram.server.route import Router
from engram.server.routes.catalogue import load, read, settled
from engram.server.shapes.house import TemplateList, TemplateOut
from engram.server.versions import IfMatch, version_of
from engram.store.pages import USUAL, Ask
from engram.store.records import templates
from engram.store.records.templates import Template

router = Router(prefix="/api/v1/templates", tags=["templates"])
NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
RECIPE = r"^[a-z0-9_]{0,64}$"
Change = Annotated[str, Field(max_length=4000)]


class NewTemplate(BaseModel):
    """What a template is made of: at most one of dataset (name or digest), sample and hub, else the recipe's own data.

    recipe: the one to begin with, by its name; without one the starter of the task.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    kind: str = Field(max_length=64)
    task: str = Field(default="", max_length=64)
    source: str = Field(description="A hub id, embedded:… or made:….", min_length=1, max_length=400)
    revision: str = Field(default="", description="The commit of the hub id, 40 hex digits.", max_length=200)
    dataset: str = Field(default="", max_length=400)
    sample: str = Field(default="", max_length=64)
    hub: str = Field(default="", max_length=200)
    recipe: str = Field(default="", pattern=RECIPE)
    columns: dict[str, Change] = Field(default_factory=dict, max_length=20)
    set: list[Change] = Field(default_factory=list, max_length=100)


class Renamed(BaseModel):
    """Another name; what is certified never changes. version: the one that was read."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    version: int | None = None


@router.post("", operation_id="templates.create", response_model=TemplateOut, status_code=201)
def create(asked: NewTemplate, who: Who, here: Here, key: Key = None) -> dict[str, Any]:
    """Register a template: its recipe is put together whole, pinned, certified and entered in the ledger."""
    wanted = Wanted(**asked.model_dump(exclude={"set"}), sets=tuple(asked.set))

    def loading(name: str, sets: Sequence[str], flags: Mapping[str, Any]) -> Loaded:
        return load(here, who, name, list(sets), None, flags)

    drafted, owner = registering.draft_for(here, wanted, loading), who.principal.user
    with here.writing, here.db.write() as tx:
        made: dict[str, Any] = once(
            tx, who, key, asked, lambda: registering.shown(registering.register(tx, here, owner, asked.name, drafted))
        )
    return made


@router.get("", operation_id="templates.list", response_model=TemplateList)
def listed(
    who: Who,
    here: Here,
    after: str | None = None,
    limit: int = USUAL,
    kind: str | None = None,
    task: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """List templates, newest first; `name` is the beginning of one."""
    ask = Ask(who.visible_to, after, limit, equal={"kind": kind, "task": task}, prefix={"name": name})
    with here.db.read() as tx:
        page = templates.list_templates(tx, ask)
    return {"items": [registering.shown(one) for one in page.items], "next": page.next}


@router.get("/{template}", operation_id="templates.read", response_model=TemplateOut)
def show(template: str, who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Return one template with its whole recipe."""
    found = find(here, who, template)
    response.headers["ETag"] = f'"{found.version}"'
    return registering.shown(found)


@router.get("/{template}/certificate", operation_id="templates.certificate")
def certificate(template: str, who: Who, here: Here) -> Response:
    """Return a template's certificate, which anyone can verify offline."""
    found = find(here, who, template)
    return Response(canonical_json(dict(found.body["certificate"])), media_type="application/json")


@router.patch("/{template}", operation_id="templates.update", response_model=TemplateOut)
def rename(template: str, asked: Renamed, who: Who, here: Here, match: IfMatch = None) -> dict[str, Any]:
    """Give a template another name."""
    found = find(here, who, template)
    with here.db.write() as tx:
        version = version_of(match, asked.version)
        return registering.shown(templates.change_template(tx, found.id, version=version, name=asked.name))


@router.delete("/{template}", operation_id="templates.delete", status_code=204)
def delete(template: str, who: Who, here: Here, match: IfMatch = None) -> None:
    """Remove a template that no run refers to; the ledger keeps that it was."""
    found = find(here, who, template)
    with here.writing, here.db.write() as tx:
        templates.delete_template(tx, found.id, version=version_of(match))
        here.ledger.append("template.deleted", found.id, {"digest": found.digest}, who.principal.user)


def find(here: Here, who: Who, template: str) -> Template:
    """Return a template that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = templates.maybe_template(tx, template)
    return who.touch(found, f"template {template}")


def load_template(here: Here, who: Who, template: str, sets: list[str], profile: str | None) -> Loaded:
    """Load the recipe of a template with changes, as a run will use it."""
    found = find(here, who.to("templates.read"), template)
    return settled(here, who, read(here, str(found.body["recipe_text"]), sets, profile))
