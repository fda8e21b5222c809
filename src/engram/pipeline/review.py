"""A person decides on a verdict that waits; the decision enters the ledger before it has any effect."""

from __future__ import annotations

import getpass
from pathlib import Path

from engram import files, registry
from engram.errors import Refused
from engram.files import home_lock
from engram.gate import review as gate
from engram.gate.digest import report_digest, verdict_digest
from engram.gate.evidence import check_evidence
from engram.ledger.log import Ledger
from engram.pipeline.declare import declared_digest
from engram.pipeline.directions import directions
from engram.pipeline.folder import RunFolder
from engram.pipeline.journal import utc_now
from engram.pipeline.run import move, open_ledger
from engram.schema.report import Report
from engram.schema.verdict import Verdict


def decide(folder: RunFolder, home: Path, answer: gate.Answer, *, reason: str) -> str:
    """Record a review of the verdict that the run waits for, and return the stage.

    Raises Refused when the run waits for nobody, or for something else than what was judged.
    """
    with home_lock(home, f"review of {folder.id}"):
        actor = "u_" + files.sha256_bytes(getpass.getuser().encode()).removeprefix("sha256:")[:16]
        return record(folder, open_ledger(home), answer, actor=actor, reason=reason).stage


def record(
    folder: RunFolder, ledger: Ledger, answer: gate.Answer, *, actor: str, reason: str, read: str = ""
) -> gate.Review:
    """Enter a person's decision in the ledger, keep it beside the run, and return it; a rejected run is refused.

    actor: an opaque id. read: the digest of the verdict that she read, empty for the present one. The caller holds the
    ledger's turn.

    Raises Refused when the run waits for nobody, when she read another verdict, and when report or verdict are no
    longer what the ledger says was judged.
    """
    at = folder.record()
    verdict, report = folder.verdict(at.stage), folder.report(at.stage)
    if at.state != "awaiting_review" or verdict is None:
        raise Refused(f"Run {folder.id} is {at.state}; there is nothing to review.")
    if read and read != verdict_digest(verdict):
        raise Refused(f"The verdict of stage {at.stage} is not the one that was read.", remedy="Read it again.")
    _check_judged(folder, ledger, verdict, report)
    one = gate.review(verdict, answer, actor=actor, reason=reason, time=utc_now(), earlier=folder.reviews())
    body = {"stage": one.stage, "decision": one.decision, "verdict": one.verdict_digest, "reason": one.reason_digest}
    ledger.append("run.reviewed", folder.id, body, actor)
    folder.save_review(one)
    if answer == "reject":
        move(folder, "awaiting_review", "refused", lambda record: None, reason="rejected in review")
    return one


def _check_judged(folder: RunFolder, ledger: Ledger, verdict: Verdict, report: Report | None) -> None:
    """Refuse evidence that does not hold, or that the ledger doesn't know as what was judged."""
    recipe = folder.recipe()
    better = directions(registry.get("kind", recipe.kind).tasks[recipe.task], recipe)
    check_evidence(verdict, report, declared_digest(folder), folder.gates(), run=folder.id, better=better)
    said = {"verdict": verdict_digest(verdict), "report": report_digest(report) if report else ""}
    judged = [entry.body for entry in ledger.find("run.judged", folder.id) if entry.body["stage"] == verdict.stage]
    if not judged or any(judged[-1][name] != value for name, value in said.items()):
        raise Refused(
            f"The evidence of stage {verdict.stage} is not what the ledger says was judged.",
            remedy="Start the run again; never edit reports or verdicts of a run.",
        )
