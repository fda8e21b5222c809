"""Stage data: rows are read, cleaned, dealt and looked at as the model will see them, and every lost one is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from engram import files
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.sealed_data import opened_store
from engram.data.prepare import Prepared, prepare_split
from engram.data.rows import read_part
from engram.data.seeds import prepare_seeds
from engram.pipeline.context import Context
from engram.pipeline.protocol import TaskCode
from engram.prep.plan import plan
from engram.schema.codec import to_dict
from engram.schema.recipe import Recipe
from engram.schema.report import Measure, Report
from engram.schema.split import DataReport

MOST_SHOWN = 2000  # characters


def data(context: Context) -> Report:
    """Make the split, look at it as the kind's code does and report what was lost on the way."""
    recipe = context.recipe
    prepared = _played(context) if context.task.played else _read(context)
    files.write_json(
        context.folder.path / "data.json", {"folder": prepared.folder.name, "split": prepared.split.digest}
    )
    for sentence in prepared.report.said:
        context.journal.emit("note", {"text": sentence})
    parts = (list(read_part(prepared.folder, part)) for part in prepared.split.parts.values())
    code = context.code()
    lost = code.examine(recipe, parts, prepared.split.labels)
    kept = prepared.report.rows_kept
    return Report(
        run=context.spec.run,
        stage="data",
        n=kept,
        split_digest=prepared.split.digest,
        metrics={**counts(prepared.report), **{name: Measure(value) for name, value in lost.items()}},
        details={
            "said": list(prepared.report.said),
            "rows": {name: part.rows for name, part in prepared.split.parts.items()},
            **rendered(code, recipe, read_part(prepared.folder, prepared.split.parts["train"])),
        },
    )


def rendered(code: TaskCode, recipe: Recipe, train: Iterable[Any]) -> dict[str, Any]:
    """Return the first training row as a model reads it, where its task can say that; long texts lose their middle."""
    render: Callable[[Recipe, Any], Any] | None = getattr(code, "render", None)
    if render is None:
        return {}
    for row in train:
        return {"reading": [{"text": shorten(text), "learned": learned} for text, learned in render(recipe, row)]}
    return {}


def shorten(text: str) -> str:
    """Return a text that a person reads whole.

    >>> shorten("a" * 1200 + "b" * 1000) == "a" * 1000 + " … " + "b" * 1000
    True
    """
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN // 2]} … {text[-MOST_SHOWN // 2 :]}"


def _read(context: Context) -> Prepared:
    """Return the split of the recipe's sources."""
    recipe = context.recipe
    prep = plan(recipe.prep)
    stored, named = context.home / "datasets", [one.dataset for one in recipe.data.sources if one.dataset]
    with opened_store(stored, named, HomeKeys(context.home)) as readable:
        return prepare_split(
            recipe.data,
            folder=Path(files.read_json(context.folder.path / "origin.json")["folder"]),
            cache=stored,
            stored=readable,
            forms=context.task.forms,
            steps=prep.texts,
            step_names=prep.names,
            composer=prep.composer,
            refuse=prep.refuse,
            on_progress=context.progress("rows"),
        )


def _played(context: Context) -> Prepared:
    """Return the split of the seeds of an environment's episodes."""
    code: Any = context.code()
    recipe = context.recipe
    settings = json.dumps(to_dict(recipe.policy.options), sort_keys=True) if recipe.policy else "{}"
    return prepare_seeds(
        recipe.data,
        played=recipe.model.source + ("" if settings == "{}" else f" {settings}"),
        begin=lambda seeds: code.begin(recipe, seeds),
        cache=context.home / "datasets",
    )


def counts(report: DataReport) -> dict[str, Measure]:
    """Return the row counts as measures."""
    named = {
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "rows_dropped": sum(report.dropped.values()),
        "missing_values": report.missing_values,
        "leaked_test_rows": report.leaked_test_rows,
    }
    return {name: Measure(float(value)) for name, value in named.items()}
