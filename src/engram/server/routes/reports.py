"""What a run measured and what its gates said of it: reports, verdicts, and the page that shows both."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

from engram.errors import NotFound
from engram.gate.defaults import STAGES
from engram.gate.digest import verdict_digest
from engram.pipeline.story_page import render_run
from engram.schema.codec import to_dict
from engram.schema.verdict import Verdict
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.routes.runs import find
from engram.server.shapes.runs import ReportList, ReportOut, VerdictList, VerdictOut
from engram.store.records import evidence

router = Router(prefix="/api/v1/runs/{run}", tags=["reports"])
# The page allows its own style and script by digest (`pipeline.page`); here it also gets no origin and no frame.
PAGE_POLICY = "sandbox allow-scripts; frame-ancestors 'none'"


@router.get("/reports", operation_id="reports.list")
def reports(run: str, who: Who, here: Here) -> ReportList:
    """Return what each stage of a run measured."""
    find(here, who, run)
    with here.db.read() as tx:
        found = evidence.reports_of(tx, run)
    return ReportList(items=[ReportOut.model_validate(to_dict(found[stage])) for stage in in_order(found)])


@router.get("/reports/{stage}", operation_id="reports.read")
def report(run: str, stage: str, who: Who, here: Here) -> ReportOut:
    """Return what one stage of a run measured."""
    find(here, who, run)
    with here.db.read() as tx:
        found = evidence.reports_of(tx, run).get(stage)
    if found is None:
        raise NotFound(f"Run {run} has no report of stage {stage}.")
    return ReportOut.model_validate(to_dict(found))


@router.get("/verdicts", operation_id="verdicts.list")
def verdicts(run: str, who: Who, here: Here) -> VerdictList:
    """Return what the gates said of a run."""
    find(here, who, run)
    with here.db.read() as tx:
        found = evidence.verdicts_of(tx, run)
    return VerdictList(items=[shown(found[stage]) for stage in in_order(found)])


@router.get("/verdicts/{stage}", operation_id="verdicts.read")
def verdict(run: str, stage: str, who: Who, here: Here) -> VerdictOut:
    """Return what one stage's gate said of a run."""
    find(here, who, run)
    with here.db.read() as tx:
        found = evidence.verdicts_of(tx, run).get(stage)
    if found is None:
        raise NotFound(f"Run {run} has no verdict on stage {stage}.")
    return shown(found)


@router.get("/report.html", operation_id="reports.page", response_class=HTMLResponse)
def page(run: str, who: Who, here: Here) -> HTMLResponse:
    """Return a run's report as one page that asks nothing of the network."""
    find(here, who, run)
    headers = {"Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(render_run(here.folder(run), here.home), headers=headers)


def in_order(found: dict[str, Any]) -> list[str]:
    """Return stages in the order of a run; others, as the load test before a deployment, come last.

    >>> in_order({"deploy": 1, "evaluate": 2, "data": 3})
    ['data', 'evaluate', 'deploy']
    """
    return sorted(found, key=lambda stage: (STAGES.index(stage) if stage in STAGES else len(STAGES), stage))


def shown(one: Verdict) -> VerdictOut:
    """Return a verdict as the API shows it."""
    return VerdictOut.model_validate({**to_dict(one), "digest": verdict_digest(one)})
