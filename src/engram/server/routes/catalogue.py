"""What can be trained: kinds, the shipped recipes, and those that people add, each with its versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path as File
from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict, Field

from engram import registry
from engram.config.load import Loaded, load_recipe
from engram.config.pin import pin_datasets
from engram.config.read import read_tree
from engram.config.shipped import find_recipe, shipped_names
from engram.errors import EngramError, Forbidden, UsageError
from engram.pipeline.template import keep_text
from engram.schema.codec import to_dict
from engram.security.principal import ADMIN, HOUSE
from engram.server.access import Here, Who
from engram.server.datasets import named
from engram.server.once import Key, once
from engram.server.recipe_policy import check_judge, check_policy
from engram.server.route import Router
from engram.server.shapes.catalogue import KindList, RecipeList, RecipeOut, RecipeText
from engram.server.versions import tag
from engram.store.pages import USUAL, Ask
from engram.store.records import recipes as stored
from engram.store.records.recipes import StoredRecipe
from engram.store.times import from_micros

router = Router(prefix="/api/v1", tags=["catalogue"])
SHOWN = ("title", "kind", "task", "use", "category")
MOST_CHARACTERS = 200_000
# Models that are no place on the disk: ours by their prefix, and the hub's.
OURS, HUB_ID = ("embedded:", "made:", "gym:"), re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w.-]+)?")
NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Name = Annotated[str, Path(pattern=NAME)]


class NewRecipe(BaseModel):
    """A recipe as it is written. after: the version that the writer began with, 0 for a new name."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MOST_CHARACTERS)
    after: int | None = None


@router.get("/kinds", operation_id="kinds.list")
def kinds(who: Who) -> KindList:
    """List the kinds of model with their cards."""
    return KindList(items=[to_dict(registry.get("kind", name)) for name in registry.names("kind")], next=None)


@router.get("/recipes", operation_id="recipes.list")
def recipes(who: Who, here: Here, after: str | None = None, limit: int = USUAL) -> RecipeList:
    """List people's recipes, newest first; the shipped ones stand on the first page."""
    with here.db.read() as tx:
        page = stored.list_recipes(tx, Ask(who.visible_to, after, limit))
    items = [shown_shipped(name) for name in ([] if after else shipped_names())]
    return RecipeList(items=items + [shown(one) for one in page.items], next=page.next)


@router.get("/recipes/{name}", operation_id="recipes.read")
def recipe(name: Name, who: Who, here: Here, response: Response) -> RecipeText:
    """Return a recipe's text, its newest version."""
    if name in shipped_names():
        who.require(f"recipe {name}", HOUSE)
        text = find_recipe(name).read_text(encoding="utf-8")
        return RecipeText(**shown_shipped(name).model_dump(), text=text)
    found = find(here, who, name)
    tag(response, found.number)
    return RecipeText(**shown(found).model_dump(), text=found.source)


@router.post("/recipes", operation_id="recipes.create", status_code=201)
def save(asked: NewRecipe, who: Who, here: Here, key: Key = None) -> RecipeOut:
    """Save a recipe as the next version of the name in it; the same text again is the version that is there."""
    loaded = read(here, asked.text)
    check_places(loaded, who)
    one = loaded.recipe
    if one.name in shipped_names():
        raise UsageError(f"{one.name!r} is the name of a shipped recipe.", remedy="Save it under another name.")

    def make() -> RecipeOut:
        made = stored.save_recipe(
            tx,
            name=one.name,
            owner=who.principal.user,
            kind=one.kind,
            task=one.task,
            digest=loaded.digest,
            source=asked.text,
            body=to_dict(one),
            after=asked.after,
        )
        return shown(made)

    with here.db.write() as tx:
        return RecipeOut.model_validate(once(tx, who, key, asked, make))


def load(
    here: Here,
    who: Who,
    name: str,
    sets: list[str],
    profile: str | None,
    flags: Mapping[str, Any] | None = None,
) -> Loaded:
    """Load a recipe by name with changes, as a run will use it. flags: dotted key → value, stronger than `sets`.

    Raises what `load_recipe` raises, and Forbidden for places on the server's disk that are not the caller's to name.
    """
    if name in shipped_names():
        found = load_recipe(name, sets=sets, profile=profile, flags=flags, environment={})
    else:
        found = read(here, find(here, who.to("recipes.read"), name).source, sets, profile, flags)
    return settled(here, who, found)


def settled(here: Here, who: Who, found: Loaded) -> Loaded:
    """Return a recipe as the caller's run may use it: places on the disk refused, datasets pinned to their digests.

    Raises Forbidden, and NotFound for a dataset that is not there or not hers.
    """
    check_places(found, who)
    check_policy(here, found.recipe)
    check_judge(here, who, found.recipe)
    return pin_datasets(found, partial(named, here, who))


def read(
    here: Here,
    text: str,
    sets: list[str] | None = None,
    profile: str | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read a recipe's text; it sees nothing of the server's environment."""
    path = keep_text(here.home, text)
    try:
        return load_recipe(path, sets=sets or (), profile=profile, flags=flags, environment={})
    except EngramError as error:  # people know the recipe's name, and the place of the home is nobody's business
        found = re.search(r"^name:\s*['\"]?(\w+)", text, re.MULTILINE)
        told = found[1] if found else "recipe"
        error.message, error.remedy = (
            said.replace(str(path), told).replace(path.name, told) for said in (error.message, error.remedy)
        )
        error.args = (error.message,)
        raise


def check_places(loaded: Loaded, who: Who) -> None:
    """Refuse paths on the server's disk to everybody but an Admin: they reach what no policy owns.

    Raises Forbidden.
    """
    if who.principal.role == ADMIN:
        return
    paths = [one.path for one in loaded.recipe.data.sources if one.path]
    model = loaded.recipe.model.source
    if not model.startswith(OURS) and (not HUB_ID.fullmatch(model) or File(model).exists()):
        paths.append(model)
    if paths:
        raise Forbidden(
            f"Only an Admin's recipe may name places on the server's disk: {', '.join(map(str, paths[:3]))}.",
            remedy="Use a sample, a hub id or an uploaded dataset.",
        )


def find(here: Here, who: Who, name: str) -> StoredRecipe:
    """Return a recipe that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = stored.maybe_recipe(tx, name)
    return who.touch(found, f"recipe {name}")


def shown(one: StoredRecipe) -> RecipeOut:
    """Return a recipe as a list shows it."""
    said = {key: getattr(one, key) for key in ("name", "number", "owner", "kind", "task", "digest")}
    about = {key: str(one.body.get(key, "") or "") for key in ("title", "use", "category")}
    return RecipeOut.model_validate({**said, **about, "created": from_micros(one.created)})


@cache
def shown_shipped(name: str) -> RecipeOut:
    """Return a shipped recipe as a list shows it; it belongs to the house, and changes with the program only."""
    data = read_tree(find_recipe(name)).data
    about = {key: str(data.get(key, "") or "") for key in SHOWN}
    return RecipeOut.model_validate({**about, "name": name, "number": 0, "owner": HOUSE})
