"""Stage baseline: the reference baselines answer the test rows, by the same metric code as the tuned model."""

from __future__ import annotations

from engram import registry
from engram.data.cache import load_split
from engram.data.rows import read_part
from engram.evaluate import compare
from engram.pipeline.context import Context
from engram.pipeline.measure.answers import save_answers
from engram.schema.report import Report


def baseline(context: Context) -> Report:
    """Score every baseline of the card; the reference one is what the tuned model must beat."""
    code, recipe = context.code(), context.recipe
    folder = context.folder.split_folder(context.home)
    split, _ = load_split(folder)
    loaded = code.load(recipe, split.labels)
    train = code.prepare(loaded, read_part(folder, split.parts["train"]))
    test = code.prepare(loaded, read_part(folder, split.parts["test"]))
    answers = code.baselines(loaded, train, test, context.progress("rows"))
    metrics = [registry.get("metric", name) for name in metric_names(context)]
    measured = {name: compare.measure(one, metrics, resamples=0) for name, one in answers.items()}
    for name, one in answers.items():
        save_answers(context.folder.path / "answers" / f"{name}.npz", one)
    reference = context.task.reference_baseline
    others = {name: {m: v.value for m, v in found.items()} for name, found in measured.items()}
    return Report(
        run=context.spec.run,
        stage="baseline",
        n=answers[reference].rows,
        split_digest=split.digest,
        metrics=compare.measure(answers[reference], metrics, resamples=recipe.evaluate.bootstrap),
        details={"reference": reference, "baselines": others},
    )


def metric_names(context: Context) -> list[str]:
    """Return the metrics of a run: those of the recipe, or the task's own, and always the primary one."""
    wanted = list(context.recipe.evaluate.metrics) or [kpi.name for kpi in context.task.kpis]
    primary = context.card.primary(context.recipe.task).name
    return wanted if primary in wanted else [primary, *wanted]
