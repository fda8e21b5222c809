"""The JSON schema of a recipe, for editors: derived from the dataclasses, their docstrings and the table of bounds.

Editors that speak the YAML language server find it by a first line such as
``# yaml-language-server: $schema=recipe.schema.json``.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from engram import registry
from engram.config.bounds import BOUNDS, Bound
from engram.config.shipped import sample_files
from engram.schema.codec import to_dict
from engram.schema.recipe import FORMAT, PrepStep, Recipe, Source

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FIELD_LINE = re.compile(r"((?:[a-z_]+, )*[a-z_]+): (.*)")
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def recipe_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a recipe file, profiles included.

    >>> recipe_schema()["properties"]["train"]["properties"]["seed"]["default"]
    42
    """
    schema = _record(Recipe, (), partial=False)
    schema["properties"]["format"]["const"] = FORMAT
    schema["properties"]["profiles"] = {
        "type": "object",
        "description": "Overlays chosen by --profile; `offline` is also the one of --local-test.",
        "additionalProperties": _record(Recipe, (), partial=True),
    }
    return {"$schema": DIALECT, "title": "Engram recipe", **schema}


def field_notes(cls: type) -> dict[str, str]:
    """Return what the docstring of a record says of each field, from its lines ``name: text``.

    >>> field_notes(type("R", (), {"__doc__": "A record.\\n\\na, b: both\\n    of them.\\nc: alone."}))
    {'a': 'both of them.', 'b': 'both of them.', 'c': 'alone.'}
    """
    notes: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(cls) or "").splitlines()[1:]:
        if found := _FIELD_LINE.fullmatch(line):
            names = found[1].split(", ")
            notes.update(dict.fromkeys(names, found[2]))
        elif line.startswith(" "):
            notes.update({name: f"{notes[name]} {line.strip()}" for name in names})
        else:
            names = []
    return notes


def _record(cls: type, path: tuple[str, ...], *, partial: bool) -> dict[str, Any]:
    hints, notes = typing.get_type_hints(cls), field_notes(cls)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in dataclasses.fields(cls):
        entry = _type(hints[field.name], (*path, field.name), partial)
        if field.name in notes:
            entry["description"] = notes[field.name]
        if field.default is not dataclasses.MISSING:
            entry["default"] = to_dict(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            entry["default"] = to_dict(field.default_factory())
        else:
            required.append(field.name)
        if (cls, field.name) == (Source, "sample"):
            entry["examples"] = list(sample_files())
        properties[field.name] = entry
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    summary = (inspect.getdoc(cls) or "").partition("\n")[0]
    if summary:
        schema["description"] = summary
    if required and not partial:
        schema["required"] = required
    return schema


def _type(hint: Any, path: tuple[str, ...], partial: bool) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union([_type(argument, path, partial) for argument in arguments])
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        # A profile replaces a list whole, so what stands in it must be whole as well.
        return {"type": "array", "items": _type(arguments[0], (), False)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1], (), False)}
    if hint is PrepStep:
        return _prep_step()
    if dataclasses.is_dataclass(hint):
        return _record(typing.cast(type, hint), path, partial=partial)
    entry: dict[str, Any] = {"type": _SCALARS[hint]}
    return {**entry, **_bound(BOUNDS[path])} if path in BOUNDS and hint in (int, float) else entry


def _prep_step() -> dict[str, Any]:
    """Return the schema of one prep step: a name, or a block with one name and the options of that step."""
    blocks: dict[str, Any] = {}
    for name in registry.names("prep step"):
        step = registry.get("prep step", name)
        blocks[name] = _record(step.options, (), partial=False)
        for option, bound in step.bounds.items():
            blocks[name]["properties"][option].update(_bound(bound))
    alone = [name for name, block in blocks.items() if "required" not in block]
    for name in alone:
        blocks[name]["type"] = ["object", "null"]
    block = {"type": "object", "additionalProperties": False, "properties": blocks}
    return {"anyOf": [{"enum": alone}, {**block, "minProperties": 1, "maxProperties": 1}]}


def _union(options: list[dict[str, Any]]) -> dict[str, Any]:
    plain = [option for option in options if option == {"type": "null"}]
    others = [option for option in options if option != {"type": "null"}]
    if len(others) == 1 and plain:
        only = others[0]
        if "enum" in only:
            return {**only, "enum": [*only["enum"], None]}
        return {**only, "type": [only["type"], "null"]}
    return {"anyOf": options}


def _bound(bound: Bound) -> dict[str, float]:
    entry = {"exclusiveMinimum" if bound.open_low else "minimum": bound.low}
    if bound.high != math.inf:
        entry["exclusiveMaximum" if bound.open_high else "maximum"] = bound.high
    return entry
