"""The child that exports a reproduced model and lays it beside the artifact.

    python -m engram.pipeline.rederive ATTEMPT_FOLDER ARTIFACT_FOLDER

Writes ``rederived.json``: which exported files are the same, and the share of test rows answered alike.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from engram import files, registry
from engram.data.cache import load_split
from engram.data.rows import read_part
from engram.evaluate.alike import alike
from engram.export.format import best_to_open
from engram.pipeline.context import Context, child_main
from engram.pipeline.measure.train import load_candidate
from engram.pipeline.reproduce import exported_files


def work(context: Context, arguments: list[str]) -> None:
    """Export the reproduction and compare it with the artifact."""
    context.journal.stage = "export"
    context.journal.emit("started", {})
    artifact, folder = Path(arguments[0]), context.folder.split_folder(context.home)
    code, recipe = context.code(), context.recipe
    split, _ = load_split(folder)
    loaded = code.load(recipe, split.labels)
    load_candidate(context, loaded)
    rows = list(read_part(folder, split.parts["test"]))
    ours = code.predict(loaded, code.prepare(loaded, rows))
    formats = sorted(recipe.export, key=lambda name: (registry.get("export", name).consumes, name))
    for name in formats:
        code.export(loaded, name, context.folder.exports / name)
    name = best_to_open(registry.get("export", one) for one in formats).name
    sealed = {path.removeprefix(f"{name}/"): digest for path, digest in exported_files(artifact).items()}
    theirs = code.reopen(name, artifact / name, loaded.base, split.labels, recipe, sealed)
    answers = code.predict(theirs, code.prepare(theirs, rows))
    same = {
        path: (context.folder.exports / path).is_file() and files.sha256_file(context.folder.exports / path) == digest
        for path, digest in exported_files(artifact).items()
    }
    agreement = float(np.mean(alike(ours.answers, answers.answers)))
    files.write_json(
        context.folder.attempt(context.spec.attempt) / "rederived.json", {"files": same, "agreement": agreement}
    )


if __name__ == "__main__":
    sys.exit(child_main(work, sys.argv[1:]))
