"""Which way is better for each measure of a run: the one place that tells gates, pages and lines of text."""

from __future__ import annotations

from engram import registry
from engram.schema.card import TaskCard
from engram.schema.recipe import Recipe


def directions(task: TaskCard, recipe: Recipe) -> dict[str, str]:
    """Return ``max`` or ``min`` for each measure that a run evaluates, the task's primary one first.

    The measures of the task's card come first, then the other metrics that the recipe reports or gates, each of which
    says of itself which way is better. A table, or a name that is no metric here, has no direction and is left out: a
    gate that asks for a gain in it fails closed.
    """
    found: dict[str, str] = {kpi.name: kpi.better for kpi in sorted(task.kpis, key=lambda kpi: not kpi.primary)}
    gated = [criterion.metric for criterion in recipe.gates.get("evaluate", ())]
    for name in dict.fromkeys((*recipe.evaluate.metrics, *gated)):
        # A metric's module is loaded only where the card doesn't answer already.
        if name not in found and name in registry.names("metric"):
            better = registry.get("metric", name).better
            found |= {name: better} if better else {}
    return found
