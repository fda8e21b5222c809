"""The data block: sources, columns, fractions and licences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engram.config.check_prep import composes
from engram.config.licences import research_only
from engram.errors import did_you_mean
from engram.schema.card import TaskCard
from engram.schema.codec import FieldProblem, Path
from engram.schema.form import FORMS
from engram.schema.label import is_digest, label_fault
from engram.schema.recipe import Recipe, Source

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# No name of the hub leaves its folder in the cache: no part of it begins with a dot.
_REVISION = r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)*"
_HUB = re.compile(rf"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*(?:@{_REVISION})?", re.ASCII)
_FIELD = re.compile(r"\{[a-z_]+\}")
SUM_TOLERANCE = 1e-6


def check_data(recipe: Recipe, task: TaskCard | None) -> list[FieldProblem]:
    """Return the faults of the data block; the task, where it is known, says which columns are needed."""
    problems: list[FieldProblem] = []
    if not recipe.data.sources and not (task and task.played):
        problems.append(FieldProblem(("data", "sources"), "'data.sources' must have at least one source."))
    for index, source in enumerate(recipe.data.sources):
        problems += _source(source, ("data", "sources", index), recipe.use)
    problems += _parts(recipe)
    if task and not task.played:
        problems += _columns(recipe, task)
    return problems


def _source(source: Source, path: Path, use: str) -> Iterator[FieldProblem]:
    if [source.path, source.sample, source.hub, source.dataset].count(None) != 3:
        yield FieldProblem(path, "a source gives exactly one of 'path', 'sample', 'hub' and 'dataset'.")
    if source.path is not None:
        yield from _file(source.path, (*path, "path"))
    if source.sample is not None and not re.fullmatch(r"[a-z0-9_]+", source.sample):
        told = f"a sample is named by lower-case letters, digits and _; {source.sample[:80]!r} is no such name."
        yield FieldProblem((*path, "sample"), told)
    if source.dataset is not None and not is_digest(source.dataset) and (told := label_fault(source.dataset)):
        yield FieldProblem((*path, "dataset"), f"'dataset' is no name of a dataset: {told}.")
    yield from _hub(source, path)
    if source.delimiter is not None and (len(source.delimiter) != 1 or source.delimiter in '\r\n"'):
        yield FieldProblem((*path, "delimiter"), f"'delimiter' must be one character, not {source.delimiter!r}.")
    if source.header is not None and (not source.header or len(set(source.header)) != len(source.header)):
        yield FieldProblem((*path, "header"), "'header' must name each column once.")
    if source.names is not None and (source.path is None or not _FIELD.search(source.names)):
        told = "'names' goes with 'path' and tells columns, as {label}_{speaker}_{take}"
        yield FieldProblem((*path, "names"), f"{told}; it is {source.names[:80]!r}.")
    if source.paragraphs and source.format not in ("auto", "text"):
        yield FieldProblem((*path, "paragraphs"), f"'paragraphs' goes with format: text, not {source.format!r}.")
    if use == "commercial" and research_only(source.license):
        yield FieldProblem(
            (*path, "license"),
            f"the licence {source.license!r} allows no commercial use, and the recipe is for commercial use.",
            remedy="Write use: research if it is research, or use other data.",
        )


def _hub(source: Source, path: Path) -> Iterator[FieldProblem]:
    if source.hub is None:
        given = {"revision": source.revision != "main", "subset": source.subset, "split": source.split}
        for key in (key for key, value in given.items() if value):
            yield FieldProblem((*path, key), f"{key!r} goes with 'hub' only.")
        return
    if not _HUB.fullmatch(source.hub):
        told = f"'hub' must look like org/name or org/name@revision, not {source.hub[:80]!r}."
        yield FieldProblem((*path, "hub"), told, remedy="For files of your own write path.")
    if "@" in source.hub and source.revision != "main":
        yield FieldProblem((*path, "revision"), "the revision is given twice, in 'hub' and in 'revision'.")
    if not re.fullmatch(_REVISION, source.revision):
        yield FieldProblem((*path, "revision"), "'revision' must be a branch, a tag or a commit.")
    if source.format != "auto":
        yield FieldProblem((*path, "format"), "'format' does not go with 'hub': the data set says its own.")


def _file(name: str, path: Path) -> Iterator[FieldProblem]:
    if not name.strip() or "\x00" in name:
        yield FieldProblem(path, "'path' must be the name of a file.")
    elif _URL.match(name):
        yield FieldProblem(path, f"'path' is a file, not an address: {name[:80]!r}.", remedy="Download the file first.")


def _parts(recipe: Recipe) -> Iterator[FieldProblem]:
    """Rows of sources without a part, or with the part train, are dealt to the parts that no source gives whole."""
    given: set[str | None] = {source.part for source in recipe.data.sources}
    given |= {"test"} if recipe.data.split.held_out else set()
    for column, values in recipe.data.split.held_out.items():
        if not column.strip() or not values:
            told = "'data.split.held_out' names a column and at least one of its values, as {speaker: [ada]}."
            yield FieldProblem(("data", "split", "held_out", column), told)
    if recipe.data.sources and not given & {None, "train"}:
        told = "every source is kept for measuring, and none is left to train on."
        yield FieldProblem(("data", "sources"), told, remedy="Give one of them part: train.")
    plan = recipe.data.split
    total = plan.train + plan.valid + plan.test
    if not abs(total - 1) <= SUM_TOLERANCE:
        told = f"the fractions must sum to 1: {plan.train:g} + {plan.valid:g} + {plan.test:g} = {total:g}."
        yield FieldProblem(("data", "split"), told)
    for part, why in (("valid", "the best checkpoint is chosen there"), ("test", "nothing ships unproven")):
        if part not in given and getattr(plan, part) <= 0:
            told = f"'data.split.{part}' must be more than 0 where no source is the part {part!r}: {why}."
            yield FieldProblem(("data", "split", part), told)


def _columns(recipe: Recipe, task: TaskCard) -> Iterator[FieldProblem]:
    columns, wanted = recipe.data.columns, recipe.data.format
    if composes(recipe):
        return  # its columns are those of a template
    if wanted != "auto" and wanted not in task.forms:
        told = f"the task {recipe.task!r} takes no rows of the format {wanted!r}. Its formats: {', '.join(task.forms)}."
        yield FieldProblem(("data", "format"), told, remedy=did_you_mean(wanted, task.forms))
        return
    forms = [FORMS[name] for name in ((wanted,) if wanted != "auto" else task.forms)]
    if recipe.data.clean.deduplicate == "near" and all(form.file for form in forms):
        told = "'data.clean.deduplicate: near' compares words, and the rows of this task are files."
        yield FieldProblem(("data", "clean", "deduplicate"), told, remedy="Write exact: it compares their content.")
    known = dict.fromkeys(role for form in forms for role in form.known)
    for role, name in columns.items():
        if role not in known:
            told = f"the task {recipe.task!r} has no column {role!r}. Its columns: {', '.join(known)}."
            yield FieldProblem(("data", "columns", role), told, remedy=did_you_mean(role, known))
        elif not name.strip():
            yield FieldProblem(("data", "columns", role), f"the column for {role!r} has no name.")
    if columns and set(columns) <= set(known) and not any(set(columns) <= set(form.known) for form in forms):
        told = f"no format of the task {recipe.task!r} has the columns {', '.join(columns)} together."
        yield FieldProblem(("data", "columns"), told, remedy=f"Formats: {', '.join(form.name for form in forms)}.")
