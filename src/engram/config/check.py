"""What the types can't say: names that exist, numbers that make sense, gates that can be judged, licences that allow.

Each check returns its faults; `check_recipe` gathers them. Cards are read for it, code of kinds never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engram import registry
from engram.config.bounds import BOUNDS
from engram.config.check_data import check_data
from engram.config.check_gates import check_gates
from engram.config.check_policy import check_policy
from engram.config.check_prep import check_prep
from engram.errors import UnknownName, did_you_mean
from engram.schema.card import KindCard, TaskCard
from engram.schema.codec import FieldProblem, Path
from engram.schema.recipe import Clean, Recipe
from engram.schema.takes import TAKES, metrics_of, misfit

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def check_recipe(recipe: Recipe) -> list[FieldProblem]:
    """Return everything that is wrong with the meaning of a recipe whose types are right."""
    card, problems = _card(recipe)
    task = card.tasks.get(recipe.task) if card else None
    problems += [
        *_name(recipe),
        *_numbers(recipe),
        *_registered(recipe),
        *_judge(recipe),
        *check_prep(recipe, task),
        *check_data(recipe, task),
    ]
    if task:
        problems += [*_metrics(recipe, task), *_exports(recipe, task), *check_gates(recipe, task)]
        problems += check_policy(recipe, task)
    return problems


def _card(recipe: Recipe) -> tuple[KindCard | None, list[FieldProblem]]:
    try:
        card: KindCard = registry.get("kind", recipe.kind)
    except UnknownName as error:
        return None, [FieldProblem(("kind",), error.message, remedy=error.remedy)]
    if recipe.task in card.tasks:
        return card, []
    known = ", ".join(sorted(card.tasks))
    told = f"the kind {card.name!r} has no task {recipe.task!r}. Its tasks: {known}."
    return card, [FieldProblem(("task",), told, remedy=did_you_mean(recipe.task, card.tasks))]


def is_name(name: str) -> bool:
    """Tell whether a text can name a recipe, and so a file.

    >>> is_name("my_reviews"), is_name("../x")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def _name(recipe: Recipe) -> Iterator[FieldProblem]:
    if not is_name(recipe.name):
        told = "'name' must be 1 to 64 lower-case letters, digits, _ or -, beginning with a letter or digit"
        yield FieldProblem(("name",), f"{told}; it is {recipe.name[:80]!r}.")
    if not recipe.model.source.strip():
        yield FieldProblem(("model", "source"), "'model.source' must name a hub id, a folder or embedded:minilm.")


def _numbers(recipe: Recipe) -> Iterator[FieldProblem]:
    for path, bound in BOUNDS.items():
        value: Any = recipe
        for part in path:
            value = getattr(value, part, None)  # a block that may be absent has no numbers
        if value is not None and not bound.holds(value):
            yield FieldProblem(path, f"{'.'.join(path)!r} must be {bound}, not {value:g}.")
    clean = recipe.data.clean
    if clean.deduplicate != "near" and clean.near_threshold != Clean.near_threshold:
        told = f"'data.clean.near_threshold' goes with deduplicate: near, and it is {clean.deduplicate}."
        yield FieldProblem(("data", "clean", "near_threshold"), told)
    tokens, longest = recipe.train.tokens_per_batch, recipe.train.max_seq_length
    if tokens is not None and 0 < tokens < longest:
        told = f"'train.tokens_per_batch' ({tokens}) is less than one row of 'train.max_seq_length' ({longest})."
        yield FieldProblem(("train", "tokens_per_batch"), told, remedy="Raise the first or lower the second.")


def _judge(recipe: Recipe) -> Iterator[FieldProblem]:
    judge = recipe.evaluate.judge
    if judge is not None and _DIGEST.fullmatch(judge) is None:
        told = f"'evaluate.judge' must be the digest of an artifact, as sha256: and 64 digits; it is {judge[:80]!r}."
        yield FieldProblem(("evaluate", "judge"), told, remedy="engram runs list shows what came of a run.")


def _registered(recipe: Recipe) -> Iterator[FieldProblem]:
    yield from _names("metric", recipe.evaluate.metrics, ("evaluate", "metrics"))
    yield from _names("export", recipe.export, ("export",))
    yield from _names("callback", recipe.train.callbacks, ("train", "callbacks"))
    yield from _names("callback", recipe.train.report_to, ("train", "report_to"))
    for index, source in enumerate(recipe.data.sources):
        if source.format != "auto":
            yield from _names("reader", (source.format,), ("data", "sources", index, "format"), listed=False)


def _metrics(recipe: Recipe, task: TaskCard) -> Iterator[FieldProblem]:
    primary = next(kpi.name for kpi in task.kpis if kpi.primary)
    for index, name in enumerate(recipe.evaluate.metrics):
        if told := misfit(name, primary):
            known = ", ".join(metrics_of(TAKES[primary]))
            yield FieldProblem(("evaluate", "metrics", index), told, remedy=f"Use one of {known}.")


def _names(what: str, given: tuple[str, ...], path: Path, *, listed: bool = True) -> Iterator[FieldProblem]:
    known = registry.names(what)
    for index, name in enumerate(given):
        here = (*path, index) if listed else path
        if name not in known:
            error = UnknownName.of(what, name, known)
            yield FieldProblem(here, error.message, remedy=error.remedy)
        elif name in given[:index]:
            yield FieldProblem(here, f"the {what} {name!r} is named twice.")


def _exports(recipe: Recipe, task: TaskCard) -> Iterator[FieldProblem]:
    for index, name in enumerate(recipe.export):
        if name in registry.names("export") and name not in task.exports:
            told = f"the task {recipe.task!r} can't be exported as {name!r}. Its exports: {', '.join(task.exports)}."
            yield FieldProblem(("export", index), told)
    if not recipe.export:
        yield FieldProblem(("export",), f"'export' must name at least one of {', '.join(task.exports)}.")
    if recipe.adapter.type == "full" and "adapter" in recipe.export:
        yield FieldProblem(
            ("adapter", "type"),
            "a model that is trained in full leaves no adapter to export, and 'export' names it.",
            remedy="Write export: [merged], or adapter: {type: lora}.",
        )
