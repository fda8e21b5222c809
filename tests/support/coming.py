"""Keys and tasks that imported recipes use and that a recipe may not have yet; what is there is found by itself."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from engram import registry
from engram.schema.recipe import Recipe

COMING = {
    "model.special_tokens",
    "data.format",
    "data.sources.hub",
    "data.sources.revision",
    "data.sources.split",
    "data.sources.subset",
    "train.packing",
    "train.parallel",
    "train.report_to",
    "train.loss_on",
}
COMING_TASKS = {"generate", "tag"}


def schema_keys(cls: type = Recipe, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the dotted keys of a record; lists of records count as the record."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        here = (*path, field.name)
        yield ".".join(here)
        for inner in (hints[field.name], *typing.get_args(hints[field.name])):
            if dataclasses.is_dataclass(inner):
                yield from schema_keys(typing.cast(type, inner), here)


def not_there_yet(recipe: Mapping[str, Any]) -> set[str]:
    """Return what a recipe uses of the two tables above that this version does not have."""
    used = {key for key in COMING if _uses(recipe, key.split("."))} - set(schema_keys())
    tasks = {str(recipe.get("task"))} & COMING_TASKS - set(registry.get("kind", "language").tasks)
    return used | {f"task {name}" for name in tasks}


def _uses(data: Any, path: list[str]) -> bool:
    if not path:
        return True
    if isinstance(data, list):
        return any(_uses(item, path) for item in data)
    return isinstance(data, Mapping) and path[0] in data and _uses(data[path[0]], path[1:])
