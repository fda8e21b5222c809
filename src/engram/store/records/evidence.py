"""Reports and verdicts: one of each a stage; a stage that is judged again replaces its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, select

from engram.gate.digest import report_digest, verdict_digest
from engram.schema.codec import from_dict, to_dict
from engram.schema.report import Report
from engram.schema.verdict import Decision, Verdict
from engram.store import rows, tables
from engram.store.ids import new_id
from engram.store.pages import Ask, Page, columns, list_page, to_record
from engram.store.records.runs import get_run


@dataclass(frozen=True)
class Waiting:
    """A verdict in a list: which run and stage it is about, and what it said."""

    id: str
    run: str
    stage: str
    decision: Decision
    digest: str
    body: Mapping[str, Any]
    created: int


def put_report(tx: Connection, report: Report) -> str:
    """Store a stage's report and return its digest; raises NotFound for an unknown run."""
    digest = report_digest(report)
    said = {"digest": digest, "body": to_dict(report)}
    _put(tx, tables.reports, "report", {"run": report.run, "stage": report.stage}, said, {})
    return digest


def put_verdict(tx: Connection, verdict: Verdict) -> str:
    """Store a stage's verdict and return its digest; raises NotFound for an unknown run."""
    digest = verdict_digest(verdict)
    said = {"decision": verdict.decision, "report_digest": verdict.report_digest, "body": to_dict(verdict)}
    keys = {"run": verdict.run, "stage": verdict.stage}
    _put(tx, tables.verdicts, "verdict", keys, {"digest": digest, **said}, {"id": new_id("v")})
    return digest


def reports_of(tx: Connection, run: str, visible_to: str | None = None) -> dict[str, Report]:
    """Return the reports of a run by stage; raises NotFound."""
    return {stage: from_dict(Report, body) for stage, body in _bodies(tx, tables.reports, run, visible_to)}


def verdicts_of(tx: Connection, run: str, visible_to: str | None = None) -> dict[str, Verdict]:
    """Return the verdicts of a run by stage; raises NotFound."""
    return {stage: from_dict(Verdict, body) for stage, body in _bodies(tx, tables.verdicts, run, visible_to)}


def decisions_of(tx: Connection, runs: Sequence[str]) -> dict[str, dict[str, Decision]]:
    """Return what the gates of many runs said, by run and stage; a run of which none has judged is left out."""
    verdicts = tables.verdicts.c
    query = select(verdicts.run, verdicts.stage, verdicts.decision).where(verdicts.run.in_(runs))
    found: dict[str, dict[str, Decision]] = {}
    for run, stage, decision in tx.execute(query.order_by(verdicts.run, verdicts.created, verdicts.stage)).all():
        found.setdefault(run, {})[stage] = decision
    return found


def list_verdicts(tx: Connection, ask: Ask, *, waiting: bool = False) -> Page[Waiting]:
    """Return a page of verdicts, newest first; filters: decision.

    waiting: only those that a run waits for a person to decide.
    """
    verdicts, runs = tables.verdicts, tables.runs
    query = columns(verdicts, Waiting)
    here = [runs.c.id == verdicts.c.run]
    if ask.visible_to is not None:
        hers = runs.c.owner == ask.visible_to
        here.append(hers | runs.c.shared if ask.with_shared else hers)
    if waiting:
        here += [runs.c.state == "awaiting_review", runs.c.stage == verdicts.c.stage]
    query = query.where(select(runs.c.id).where(*here).exists())
    return list_page(tx, query, verdicts, lambda row: to_record(Waiting, row), replace(ask, visible_to=None))


def _put(
    tx: Connection, table: Table, what: str, keys: dict[str, str], values: dict[str, Any], first: dict[str, str]
) -> None:
    """Replace a row, or add it together with what only a new one needs."""
    if rows.count(tx, table, *(table.c[name] == value for name, value in keys.items())):
        rows.change(tx, table, what, keys, values, None)
    else:
        rows.add(tx, table, what, {**first, **keys, **values, **rows.stamps(tx)})


def _bodies(tx: Connection, table: Table, run: str, visible_to: str | None) -> list[tuple[str, Any]]:
    get_run(tx, run, visible_to)
    query = select(table.c.stage, table.c.body).where(table.c.run == run).order_by(table.c.created, table.c.stage)
    return [(row.stage, row.body) for row in tx.execute(query)]
