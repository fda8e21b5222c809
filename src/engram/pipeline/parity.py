"""Parity: one exported format, opened by the ecosystem's own loader in a clean process, must be the evaluated model.

    python -m engram.pipeline.parity ATTEMPT_FOLDER FORMAT

Writes ``parity-<format>.json``. A format that can't be opened counts as infinitely far off, not as an accident.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from engram import files, registry
from engram.data.cache import load_split
from engram.data.rows import read_part
from engram.evaluate.alike import alike
from engram.export.format import BaseRef
from engram.export.parity import metric_loss
from engram.pipeline.context import Context, enter
from engram.pipeline.measure.answers import load_answers

UNREADABLE = 1e9


def measure(context: Context, name: str) -> dict[str, Any]:
    """Return rows, reloads (1 or 0), the largest logit difference, and what the primary metric changed and lost."""
    said = files.read_json(context.folder.path / "base.json")
    base = BaseRef(Path(said["folder"]), said["name"], said["revision"], said["digest"])
    folder = context.folder.split_folder(context.home)
    split, _ = load_split(folder)
    code = context.code()
    written = files.read_json(context.folder.path / f"written-{name}.json")
    loaded = code.reopen(name, context.folder.exports / name, base, split.labels, context.recipe, written)
    test = code.prepare(loaded, read_part(folder, split.parts["test"]))
    again = code.predict(loaded, test)
    answers = context.folder.path / "answers"
    expected = np.load(answers / "logits.npy", allow_pickle=False)
    evaluated = load_answers(answers / "tuned.npz", split.labels, code.ANSWERS)
    primary = context.card.primary(context.recipe.task)
    metric = registry.get("metric", primary.name)
    before, after = metric.compute(evaluated), metric.compute(again.answers)
    return {
        "rows": again.answers.rows,
        "reloads": 1.0,
        "max_logit_difference": float(np.abs(again.logits - expected).max(initial=0.0)),
        "metric_difference": abs(after - before),
        "metric_loss": metric_loss(before, after, primary.better),
        "changed_answers": evaluated.rows - int(alike(evaluated, again.answers).sum()),
    }


def main(arguments: list[str]) -> int:
    """Measure one format and leave the result beside the attempt's journal."""
    attempt, name = Path(arguments[0]), arguments[1]
    context = enter(attempt)
    try:
        found = measure(context, name)
    except Exception as error:
        found = {"rows": 1, "reloads": 0.0, "max_logit_difference": UNREADABLE, "metric_difference": 1.0}
        found["error"] = f"{type(error).__name__}: {error}"
    files.write_json(attempt / f"parity-{name}.json", found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
