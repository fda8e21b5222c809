"""The worker half: prepare and train. It runs anywhere and returns a candidate; what it says of it is telemetry.

It is given the train and valid parts and never the test part.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from engram import files
from engram.data.cache import load_split
from engram.data.rows import read_part
from engram.errors import UsageError
from engram.files import json_digest
from engram.pipeline import control
from engram.pipeline.context import Context, child_main, is_first
from engram.pipeline.environment import fingerprint
from engram.prep.plan import training_rows
from engram.proc import crashpoint
from engram.schema.codec import to_dict


def work(context: Context, arguments: list[str]) -> None:
    """Train the recipe's model, resuming where a checkpoint is there, and leave ``candidate.json``."""
    context.journal.stage = "train"
    code = context.code()
    from engram.train.adapter import count_parameters
    from engram.train.precision import settle

    recipe, folder = context.recipe, context.folder.split_folder(context.home)
    split, _ = load_split(folder)
    loaded = code.load(recipe, split.labels)
    given = read_part(folder, split.parts["train"])
    rows = list(training_rows(recipe.prep, given, seed=recipe.train.seed, labels=split.labels))
    train = code.prepare(loaded, rows)
    valid = code.prepare(loaded, read_part(folder, split.parts["valid"]))
    added = len(rows) - split.parts["train"].rows
    if added:
        context.journal.emit("note", {"text": f"the prep steps added {added} rows to the part train"})
    context.journal.emit(
        "started", {"rows": len(rows), "rows_added": added, "parameters": count_parameters(loaded.model)}
    )
    own = hasattr(code, "fit")  # a kind that learns by acting has no loop over rows, and computes in fp32
    precision = "fp32" if own else settle(recipe.train.precision, next(loaded.model.parameters()).device)
    job: dict[str, Any] = {
        "options": recipe.train,
        "folder": context.folder.checkpoints,
        "emit": context.journal.emit,
        "command": control.listener(context.folder.control, context.spec.parent),
        "identity": {"recipe": json_digest(to_dict(recipe)), "split": split.digest, "base": loaded.base.digest},
        "environment": fingerprint(context.spec.threads, context.spec.workers, precision),
        "run": context.spec.run,
        "config": to_dict(recipe),
    }
    outcome = (fit_own if own else fit_rows)(code, loaded, train, valid, job)
    if not is_first():
        return
    used = {"threads": context.spec.threads, "workers": context.spec.workers, "precision": precision}
    files.write_json(context.folder.candidate, {**candidate(outcome), **used, "run": context.spec.run})
    crashpoint("worker.after-candidate")
    context.journal.emit("finished", {"steps": outcome.steps, "best_step": outcome.best_step})


def fit_rows(code: Any, loaded: Any, train: Any, valid: Any, job: dict[str, Any]) -> Any:
    """Train by the loop that serves every kind with a loss."""
    from engram.train.loop import fit
    from engram.train.training import Training

    vary = getattr(code, "vary", None)
    return fit(
        Training(
            model=loaded.model,
            loss=code.loss,
            lengths=train.lengths,
            collate=lambda rows: code.collate(loaded, train, rows),
            vary=(lambda rows, epoch: vary(loaded, train, rows, epoch)) if vary else None,
            valid_batches=lambda: code.scoring_batches(loaded, valid),
            **job,
        )
    )


def fit_own(code: Any, loaded: Any, train: Any, valid: Any, job: dict[str, Any]) -> Any:
    """Train as the kind does it; raises UsageError for several processes, which then would not know of each other."""
    from engram.train.fitting import Fitting

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("This kind learns in one process.", remedy="Leave --workers out; policy.n_envs plays more.")
    return code.fit(loaded, train, valid, Fitting(**job))


def candidate(outcome: Any) -> dict[str, Any]:
    """Return what the worker claims about what it made: which weights, and the numbers of its training."""
    norms = sorted(outcome.grad_norms)
    return {
        "format": "engram.candidate/1",
        "checkpoint": outcome.best.name,
        "weights": files.sha256_file(outcome.best / "weights.safetensors"),
        "steps": outcome.steps,
        "best_step": outcome.best_step,
        "first_valid_loss": outcome.first_valid_loss,
        "best_valid_loss": outcome.best_valid_loss,
        "stopped_early": outcome.stopped_early,
        "trainable_tokens": outcome.tokens if outcome.targets else 0,
        "grad_norm_p99": norms[int(0.99 * (len(norms) - 1))] if norms else None,
        "grad_norm_median": norms[len(norms) // 2] if norms else None,
        **({"resume": outcome.resume} if outcome.resume else {}),
    }


def candidate_weights(run: Path) -> Path:
    """Return the file of weights that the candidate names."""
    said = files.read_json(run / "candidate.json")
    return run / "checkpoints" / str(said["checkpoint"]) / "weights.safetensors"


if __name__ == "__main__":
    sys.exit(child_main(work, sys.argv[1:]))
