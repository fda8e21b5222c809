"""Stage evaluate: the candidate answers the test rows and is compared with the reference baseline, row by row."""

from __future__ import annotations

import numpy as np

from engram import registry
from engram.data.cache import load_split
from engram.data.rows import read_part
from engram.evaluate.compare import compare
from engram.pipeline.context import Context
from engram.pipeline.measure.answers import load_answers, save_answers
from engram.pipeline.measure.baseline import metric_names
from engram.pipeline.measure.train import load_candidate
from engram.schema.report import Report


def evaluate(context: Context) -> Report:
    """Score the candidate in fp32 on the test part; its logits are kept for the parity of the exports."""
    code, recipe = context.code(), context.recipe
    folder = context.folder.split_folder(context.home)
    split, _ = load_split(folder)
    loaded = code.load(recipe, split.labels)
    load_candidate(context, loaded)
    test = code.prepare(loaded, read_part(folder, split.parts["test"]))
    tuned = code.predict(loaded, test, context.progress("rows"))
    answers = context.folder.path / "answers"
    save_answers(answers / "tuned.npz", tuned.answers)
    np.save(answers / "logits.npy", tuned.logits, allow_pickle=False)
    baselines = context.folder.report("baseline")
    measures, details = compare(
        tuned.answers,
        load_answers(answers / f"{context.task.reference_baseline}.npz", split.labels, code.ANSWERS),
        [registry.get("metric", name) for name in metric_names(context)],
        resamples=recipe.evaluate.bootstrap,
        on_progress=context.progress("resamples"),
    )
    show = getattr(code, "show", None)
    shown = show(loaded, test, tuned.answers) if show else {}
    return Report(
        run=context.spec.run,
        stage="evaluate",
        n=tuned.answers.rows,
        split_digest=split.digest,
        times_scored=context.folder.times_scored(),
        metrics=measures,
        details={**details, **shown, **(baselines.details if baselines else {})},
    )
