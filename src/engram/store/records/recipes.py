"""Recipes: each saved text is a new number of its name, and no number ever changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from engram.errors import Conflict, NotFound
from engram.store import rows, tables
from engram.store.database import now
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record


@dataclass(frozen=True)
class StoredRecipe:
    """One number of a recipe. source: the text as it was saved; body: the recipe that was read from it."""

    id: str
    name: str
    number: int
    owner: str
    kind: str
    task: str
    digest: str
    source: str
    body: Mapping[str, Any]
    created: int


def save_recipe(
    tx: Connection,
    *,
    name: str,
    owner: str,
    kind: str,
    task: str,
    digest: str,
    source: str,
    body: Mapping[str, Any],
    after: int | None = None,
) -> StoredRecipe:
    """Save a text as the next number of its name; the same recipe again, by its digest, is the number that is there.

    after: the number that the writer began with (0 for a new name); None takes whatever is there.
    Raises Conflict when the name is somebody else's, or has moved on since ``after``.
    """
    latest = _latest(tx, name)
    if latest is not None and latest.owner != owner:
        raise Conflict(f"The name {name!r} is taken.", remedy="Save the recipe under another name.")
    here = latest.number if latest else 0
    if after is not None and after != here:
        raise Conflict(
            f"The recipe {name!r} moved on: you began with {after}, it is at {here}.", remedy="Read it again."
        )
    if latest is not None and latest.digest == digest and latest.source == source:
        return latest
    identity = new_id("rc")
    what = {"kind": kind, "task": task, "digest": digest, "source": source, "body": body, "created": now(tx)}
    rows.add(tx, tables.recipes, "recipe", {"id": identity, "name": name, "number": here + 1, "owner": owner, **what})
    return rows.find(tx, tables.recipes, StoredRecipe, "recipe", id=identity)


def get_recipe(tx: Connection, name: str, number: int | None = None, visible_to: str | None = None) -> StoredRecipe:
    """Return one number of a recipe, the newest by default; raises NotFound."""
    if number is not None:
        return rows.find(tx, tables.recipes, StoredRecipe, "recipe", visible_to, name=name, number=number)
    found = _latest(tx, name)
    if found is None or (visible_to is not None and found.owner != visible_to):
        raise NotFound(f"There is no recipe {name!r}.")
    return found


def list_recipes(tx: Connection, ask: Ask, *, newest_only: bool = True) -> Page[StoredRecipe]:
    """Return a page of recipes, newest first; filters: kind, task, name, and its beginning.

    newest_only: one line a name; otherwise every number.
    """
    recipes = tables.recipes
    query = columns(recipes, StoredRecipe)
    if newest_only:
        later = recipes.alias("later")
        newer = select(later.c.id).where(later.c.name == recipes.c.name, later.c.number > recipes.c.number)
        query = query.where(~newer.exists())
    return list_page(tx, query, recipes, lambda row: to_record(StoredRecipe, row), ask)


def _latest(tx: Connection, name: str) -> StoredRecipe | None:
    recipes = tables.recipes
    number = tx.execute(select(func.max(recipes.c.number)).where(recipes.c.name == name)).scalar_one()
    return None if number is None else rows.maybe(tx, recipes, StoredRecipe, name=name, number=number)


def maybe_recipe(tx: Connection, name: str) -> StoredRecipe | None:
    """Return the newest number of a recipe, or None when there is none."""
    return _latest(tx, name)
