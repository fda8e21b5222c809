"""Splits: how the runs that used a dataset dealt its rows, as their data reports say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, cast, select

from engram.store import tables
from engram.store.pages import Ask

MOST_RUNS = 1_000  # the newest ones are looked through


@dataclass(frozen=True)
class Dealt:
    """One split of a dataset. run: the newest that used it; rows: part → rows; reading: its first row, as data.

    runs: how many of those that were looked through used it.
    """

    digest: str
    run: str
    recipe: str
    runs: int
    rows: Mapping[str, int]
    reading: tuple[Mapping[str, Any], ...]


def splits_of(tx: Connection, dataset: str, ask: Ask, most: int = 10) -> tuple[Dealt, ...]:
    """Return the splits that the newest runs which `ask` lets see made of a dataset, the newest first."""
    runs, reports = tables.runs, tables.reports
    newest = select(runs.c.id, runs.c.recipe, runs.c.body).where(runs.c.deleted.is_(None))
    if ask.visible_to is not None:
        hers = runs.c.owner == ask.visible_to
        newest = newest.where(hers | runs.c.shared if ask.with_shared else hers)
    seen = newest.order_by(runs.c.created.desc(), runs.c.id.desc()).limit(MOST_RUNS).subquery()
    uses = cast(seen.c.body, Text).contains(dataset, autoescape=True)
    query = select(seen.c.id, seen.c.recipe, reports.c.body).join(reports, reports.c.run == seen.c.id)
    found: dict[str, Dealt] = {}
    for run, recipe, report in tx.execute(query.where(uses, reports.c.stage == "data").order_by(seen.c.id.desc())):
        digest, details = report["split_digest"], report["details"]
        if (known := found.get(digest)) is not None:
            found[digest] = Dealt(**{**vars(known), "runs": known.runs + 1})
        elif len(found) < most:
            rows, reading = details.get("rows", {}), tuple(details.get("reading", ()))
            found[digest] = Dealt(digest, run, recipe, 1, rows, reading)
    return tuple(found.values())
