"""Stage data: rows are read, cleaned, dealt and tokenised, and every lost one is counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engram import files
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.sealed_data import opened_store
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.pipeline.context import Context
from engram.prep.plan import plan
from engram.schema.report import Measure, Report
from engram.schema.split import DataReport, Split


def data(context: Context) -> Report:
    """Make the split, tokenise it with the model's tokenizer and report what was lost on the way."""
    recipe = context.recipe
    prep = plan(recipe.prep)
    stored, named = context.home / "datasets", [one.dataset for one in recipe.data.sources if one.dataset]
    with opened_store(stored, named, HomeKeys(context.home)) as readable:
        prepared = prepare_split(
            recipe.data,
            folder=Path(files.read_json(context.folder.path / "origin.json")["folder"]),
            cache=stored,
            stored=readable,
            forms=context.task.forms,
            steps=prep.texts,
            step_names=prep.names,
            composer=prep.composer,
            on_progress=context.progress("rows"),
        )
    files.write_json(
        context.folder.path / "data.json", {"folder": prepared.folder.name, "split": prepared.split.digest}
    )
    for sentence in prepared.report.said:
        context.journal.emit("note", {"text": sentence})
    tokens = _tokenised(context, prepared.folder, prepared.split)
    kept = prepared.report.rows_kept
    return Report(
        run=context.spec.run,
        stage="data",
        n=kept,
        split_digest=prepared.split.digest,
        metrics={**counts(prepared.report), **{name: Measure(value) for name, value in tokens.items()}},
        details={"said": list(prepared.report.said), "rows": {n: p.rows for n, p in prepared.split.parts.items()}},
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


def _tokenised(context: Context, folder: Path, split: Split) -> dict[str, float]:
    code = context.code()
    tokenizer = code.tokenizer_of(context.recipe)
    return token_measures(
        [
            code.tokenise(tokenizer, list(read_part(folder, part)), context.recipe, split.labels)
            for part in split.parts.values()
        ]
    )


def token_measures(parts: Sequence[Any]) -> dict[str, float]:
    """Return what the data gate asks of tokenised parts."""
    return {
        "tokenisation_error_rate": sum(part.errors for part in parts) / max(1, sum(part.units for part in parts)),
        "lost_tokens_rate": sum(part.tokens_lost for part in parts) / max(1, sum(part.tokens_total for part in parts)),
        "untrainable_rows": float(sum(part.untrainable for part in parts)),
    }
