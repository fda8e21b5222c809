"""Fine-tunings: what was asked in the shape of OpenAI's clients, beside the run that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select

from engram.store import rows, tables
from engram.store.pages import Ask, Page, columns, list_page, to_record
from engram.store.records.runs import Run, get_run

State = Literal["waiting", "deployed", "failed"]


@dataclass(frozen=True)
class FineTuning:
    """One fine-tuning. id: its run's; base: the model that was asked for; training, validation: ids of datasets.

    options: hyperparameters and the like, as they were asked. name: under which the artifact is deployed when the run
    publishes one. state: of that deployment; reason: why it failed.
    """

    id: str
    owner: str
    base: str
    training: str
    validation: str
    options: Mapping[str, Any]
    name: str
    state: State
    reason: str
    created: int
    updated: int
    version: int


def create_fine_tuning(
    tx: Connection, run: Run, *, base: str, training: str, validation: str, options: Mapping[str, Any], name: str
) -> FineTuning:
    """Note what a run was asked for; raises Conflict when it is noted already."""
    what = {"base": base, "training": training, "validation": validation, "options": options, "name": name}
    whose = {"id": run.id, "owner": run.owner, "state": "waiting", "reason": ""}
    rows.add(tx, tables.fine_tunings, "fine-tuning", {**whose, **what, **rows.stamps(tx)})
    return rows.find(tx, tables.fine_tunings, FineTuning, "fine-tuning", id=run.id)


def maybe_fine_tuning(tx: Connection, id: str) -> FineTuning | None:
    """Return a fine-tuning, or None when there is none."""
    return rows.maybe(tx, tables.fine_tunings, FineTuning, id=id)


def list_fine_tunings(tx: Connection, ask: Ask) -> Page[FineTuning]:
    """Return a page of fine-tunings, newest first; filters: state, base."""
    table = tables.fine_tunings
    return list_page(tx, columns(table, FineTuning), table, lambda row: to_record(FineTuning, row), ask)


def published(tx: Connection) -> tuple[tuple[FineTuning, Run], ...]:
    """Return the fine-tunings whose run has published an artifact that is not deployed yet, with their runs."""
    table, runs = tables.fine_tunings, tables.runs
    ready = (table.c.state == "waiting", runs.c.state == "published", runs.c.id == table.c.id)
    found = tx.execute(select(table.c.id).where(*ready).order_by(table.c.created)).scalars().all()
    return tuple((rows.find(tx, table, FineTuning, "fine-tuning", id=one), get_run(tx, one)) for one in found)


def settle(tx: Connection, id: str, state: Literal["deployed", "failed"], reason: str = "") -> None:
    """Note how the deployment went."""
    rows.change(tx, tables.fine_tunings, "fine-tuning", {"id": id}, {"state": state, "reason": reason}, None)
