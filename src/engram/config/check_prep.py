"""The prep steps of a recipe: names and options that exist, an order that makes sense, rows that the task takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engram import registry
from engram.errors import UnknownName, did_you_mean
from engram.schema.card import TaskCard
from engram.schema.codec import FieldProblem, Path, from_dict
from engram.schema.form import FORMS
from engram.schema.recipe import Recipe

# What a step works on, in the order in which data is made, and what it does there.
ORDER = {
    "file": "looks at files as they are read",
    "text": "works on texts as they are read",
    "row": "makes the rows",
    "training rows": "works on the rows of the part train",
    "tokens": "says how rows become tokens",
    "batches": "says how tokens become batches",
    "reading": "says how files are read",
    "samples": "changes what a model is shown of a file",
    "features": "changes the features that are made of a file",
    "pixels": "changes the pixels that a model is shown",
    "groups": "says which rows are set against each other",
}


def step_options(step: Any, options: Mapping[str, Any], path: Path) -> Any:
    """Return the options of a registered step as its own record.

    Raises FieldProblem, with the step's options, for one that it does not have, for one of the wrong type or beyond
    its bounds, and for what the step itself finds wrong.
    """
    known = getattr(step.options, "__dataclass_fields__", {})
    if options and not known:
        raise FieldProblem((*path, next(iter(options))), f"the prep step {step.name!r} has no options.", at_key=True)
    read = from_dict(step.options, options, path)
    for name, bound in step.bounds.items():
        value = getattr(read, name)
        if value is not None and not bound.holds(value):
            told = f"{'.'.join(map(str, (*path, name)))!r} must be {bound}, not {value:g}."
            raise FieldProblem((*path, name), told)
    if told := step.fault(read):
        raise FieldProblem(path, f"the prep step {step.name!r}: {told}")
    return read


def check_prep(recipe: Recipe, task: TaskCard | None) -> Iterator[FieldProblem]:
    """Yield the faults of the prep steps; the task, where it is known, says which rows it takes."""
    known = registry.names("prep step")
    before: list[Any] = []
    for index, given in enumerate(recipe.prep):
        here: Path = ("prep", index)
        if given.name not in known:
            error = UnknownName.of("prep step", given.name, known)
            yield FieldProblem(here, error.message, remedy=error.remedy)
            continue
        step = registry.get("prep step", given.name)
        yield from _place(step, before, here)
        if task and (told := _unfit(recipe, task, step)):
            yield FieldProblem(here, told, remedy="Leave it out.")
            continue
        before.append(step)
        try:
            options = step_options(step, given.options, (*here, given.name) if given.options else here)
        except FieldProblem as problem:
            yield problem
            continue
        if step.on == "row" and task:
            yield from _rows(recipe, task, step, options, here)
        if step.on in ("tokens", "batches"):
            yield from _same(recipe, step, options, here)


def composes(recipe: Recipe) -> bool:
    """Tell whether a prep step makes the rows, so that they need no form of the task's in the file."""
    known = registry.names("prep step")
    return any(one.name in known and registry.get("prep step", one.name).on == "row" for one in recipe.prep)


def _place(step: Any, before: list[Any], here: Path) -> Iterator[FieldProblem]:
    order = list(ORDER)
    if any(one.name == step.name for one in before):
        yield FieldProblem(here, f"the prep step {step.name!r} is named twice.")
        return
    late = next((one for one in before if order.index(one.on) > order.index(step.on)), None)
    if late:
        told = f"the prep step {step.name!r} {ORDER[step.on]}, and {late.name!r} before it {ORDER[late.on]}."
        yield FieldProblem(here, told, remedy=f"Put {step.name!r} before {late.name!r}.")
    elif step.on == "row" and (other := next((one for one in before if one.on == "row"), None)):
        yield FieldProblem(here, f"only one prep step can make the rows, and {other.name!r} does so already.")


def _unfit(recipe: Recipe, task: TaskCard, step: Any) -> str:
    """Return why a step has nothing to work on in the rows of a task, or ''; a step of texts passes over other rows."""
    media = {medium for name in task.forms if name in FORMS for medium in FORMS[name].media}
    if step.on == "text" or step.takes in media:
        return ""
    return f"the prep step {step.name!r} works on {step.takes}, and rows of the task {recipe.task!r} hold none."


def _rows(recipe: Recipe, task: TaskCard, step: Any, options: Any, here: Path) -> Iterator[FieldProblem]:
    """Hold the rows that a step makes against those that the task takes, and the columns against those it needs."""
    form = step.apply(options).form
    if form.gives not in {FORMS[name].gives for name in task.forms if name in FORMS}:
        told = f"the prep step {step.name!r} makes rows that the task {recipe.task!r} does not take."
        yield FieldProblem(here, told, remedy=f"Leave it out: rows of the task are {', '.join(task.forms)}.")
        return
    if recipe.data.format != "auto":
        told = f"'data.format' says how rows stand in the file, and the prep step {step.name!r} makes them."
        yield FieldProblem(("data", "format"), told, remedy="Leave 'data.format' out.")
    for role in recipe.data.columns:
        if role not in form.known:
            told = f"the prep step {step.name!r} uses no column {role!r}. Its columns: {', '.join(form.known)}."
            yield FieldProblem(("data", "columns", role), told, remedy=did_you_mean(role, form.known))


def _same(recipe: Recipe, step: Any, options: Any, here: Path) -> Iterator[FieldProblem]:
    """Hold what a step says of the training against what the block `train` says of it."""
    for key, value in step.apply(options).items():
        stands = getattr(recipe.train, key, None)
        if stands != value:
            told = (
                f"the prep step {step.name!r} says that 'train.{key}' is {_plain(value)}, and it is {_plain(stands)}."
            )
            yield FieldProblem(here, told, remedy="Say it in one place.")


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "not set" if value is None else str(value)
