"""Plain data → `Recipe`, with every fault found instead of the first one only."""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engram.schema.codec import FieldProblem, Path, convert, from_dict
from engram.schema.recipe import FORMAT, Data, Model, Recipe

MAX_PROBLEMS = 50

# What stands for a required key that is missing or faulty, so that the rest can be checked all the same.
STAND_INS: dict[str, Any] = {"name": "", "kind": "", "task": "", "model": Model(""), "data": Data(())}


@dataclass(frozen=True)
class Built:
    """A recipe, the faults of its keys and types, and what was set aside for them.

    Beside faults the recipe holds stand-ins: it is good for further checks only, never for a run. It is None where the
    data is no recipe at all.
    """

    recipe: Recipe | None
    problems: tuple[FieldProblem, ...]
    removed: frozenset[Path] = frozenset()


def build(data: Any) -> Built:
    """Build a recipe; a faulty value is set aside and the rest is read on.

    >>> found = build({"name": "x", "kind": 3, "nme": "y", "task": "classify", "model": {"source": "m"}})
    >>> for problem in found.problems:
    ...     print(str(problem)[:44])
    unknown key 'nme'. Known keys: name, kind, t
    'kind' must be text, not the number 3.
    the key 'data' is missing.
    """
    if not isinstance(data, Mapping):
        return _nothing(FieldProblem((), "a recipe is a block of keys.", remedy="See: engram recipes show quickstart"))
    stated = data.get("format", FORMAT)
    if stated != FORMAT:
        told = f"this Engram reads the format {FORMAT!r}, and the file says {stated!r}."
        return _nothing(FieldProblem(("format",), told, remedy="Use the version of Engram that wrote it."))
    fields = {field.name: field for field in dataclasses.fields(Recipe)}
    hints = typing.get_type_hints(Recipe)
    problems = [_unknown(key) for key in data if key not in fields]
    meant = " ".join(problem.remedy for problem in problems)
    removed: set[Path] = set()
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            value = _fit(hints[name], data[name], (name,), problems, removed)
            if (name,) not in removed:
                given[name] = value
        elif _required(field):
            removed.add((name,))
            if repr(name) not in meant:
                problems.append(FieldProblem((), f"the key {name!r} is missing."))
    return Built(Recipe(**{**STAND_INS, **given}), tuple(problems[:MAX_PROBLEMS]), frozenset(removed))


def _nothing(problem: FieldProblem) -> Built:
    return Built(None, (problem,))


def _required(field: Any) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _unknown(key: Any) -> FieldProblem:
    try:
        from_dict(Recipe, {key: None})
    except FieldProblem as problem:
        return problem
    raise KeyError(key)


def _fit(hint: Any, value: Any, path: Path, problems: list[FieldProblem], removed: set[Path]) -> Any:
    """Convert one field; each fault takes its value out of a copy until the rest fits, or the field is given up."""
    left = copy.deepcopy(value)
    while len(problems) < MAX_PROBLEMS:
        try:
            return convert(hint, left, path)
        except FieldProblem as problem:
            # A key that is missing because it was just set aside, or was misspelt, is no second fault.
            echo = any(gone[:-1] == problem.path for gone in removed)
            if not echo:
                problems.append(problem)
            if echo or not _set_aside(left, problem.path[len(path) :]):
                break
            removed.add(problem.path)
    removed.add(path)
    return None


def _set_aside(data: Any, path: Path) -> bool:
    """Take one key out of its block, in place; False where the path ends at no key."""
    if not path:
        return False
    for part in path[:-1]:
        data = data[part]
    return isinstance(data, dict) and data.pop(path[-1], data) is not data
