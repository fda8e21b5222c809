"""Two runs side by side: what differs in their recipes, and what each measured."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from engram.config.tree import leaves
from engram.pipeline.story_page import STAGES, known
from engram.schema.codec import from_dict, to_dict
from engram.schema.recipe import Recipe
from engram.schema.report import Report
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.routes.runs import find
from engram.server.shapes.runs import Compared, Comparison
from engram.store.records import evidence
from engram.store.records.runs import Run

router = Router(prefix="/api/v1/runs", tags=["runs"])


@router.get("/compare", operation_id="runs.compare")
def compare(a: str, b: str, who: Who, here: Here) -> Comparison:
    """Put two runs side by side."""
    first, second = find(here, who, a), find(here, who, b)
    with here.db.read() as tx:
        reports = _reports(tx, first), _reports(tx, second)
    better = _directions(second) | _directions(first)
    metrics = []
    for stage in STAGES:
        pair = [one[stage].metrics if stage in one else {} for one in reports]
        for name in dict.fromkeys((*pair[0], *pair[1])):
            values = [to_dict(one[name]) if name in one else None for one in pair]
            metrics.append(
                Compared.model_validate(
                    {"stage": stage, "metric": name, "better": better.get(name, ""), "a": values[0], "b": values[1]}
                )
            )
    return Comparison(a=first.id, b=second.id, recipes=_differences(first.body, second.body), metrics=metrics)


def _reports(tx: Connection, run: Run) -> dict[str, Report]:
    return evidence.reports_of(tx, run.id)


def _directions(run: Run) -> dict[str, str]:
    return known(from_dict(Recipe, run.body))[0]


def _differences(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """Return dotted key → both values, where they differ.

    >>> _differences({"train": {"seed": 1, "epochs": 2}}, {"train": {"seed": 2, "epochs": 2}})
    {'train.seed': (1, 2)}
    """
    values = [{".".join(map(str, path)): value for path, value in leaves(one)} for one in (a, b)]
    names = sorted({*values[0], *values[1]})
    return {n: (values[0].get(n), values[1].get(n)) for n in names if values[0].get(n) != values[1].get(n)}
