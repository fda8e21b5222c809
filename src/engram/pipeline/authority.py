"""Who believes and who signs: what a run's story asks of whoever holds the ledger.

On a laptop that is the process that runs the story (`Home`). On a server the story runs in an attempt process, which
asks the server, and the server answers with the same functions on the same folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engram import registry
from engram.artifacts.opened import Keys
from engram.errors import NeedsReview, PlatformError, Refused
from engram.gate.digest import report_digest, verdict_digest
from engram.gate.evidence import check_evidence
from engram.gate.review import is_cleared
from engram.ledger.log import Ledger
from engram.pipeline.declare import check_split, declare, declared_digest
from engram.pipeline.directions import directions
from engram.pipeline.folder import RunFolder
from engram.pipeline.publish import publish
from engram.schema.verdict import Finding

ADVISORY = "simulate"


class Authority(Protocol):
    """What a story needs of whoever holds the ledger."""

    def declare(self) -> None:
        """Enter in the ledger what will be judged."""

    def judged(self, stage: str) -> None:
        """Check a verdict's evidence and enter it; raises Refused or NeedsReview unless the run advances."""

    def publish(self) -> tuple[str, dict[str, float]]:
        """Publish the exports; return the artifact's digest and the headline metrics."""


@dataclass(frozen=True)
class Home:
    """The holder of a home: its ledger is open here. keys: of a home that may seal what it publishes."""

    folder: RunFolder
    home: Path
    ledger: Ledger
    keys: Keys | None = None

    def declare(self) -> None:
        """Enter the digests of recipe, gates and test part."""
        declare(self.folder, self.home, self.ledger)

    def publish(self) -> tuple[str, dict[str, float]]:
        """Make the exports an artifact."""
        return publish(self.folder, self.home, self.ledger, self.keys)

    def judged(self, stage: str) -> None:
        """Check one verdict's evidence, enter it in the ledger once, and stop the run unless it advances.

        Raises Refused for a rollback or evidence that doesn't hold, NeedsReview when a person must decide.
        """
        folder, ledger = self.folder, self.ledger
        gates, verdict, report = folder.gates(), folder.verdict(stage), folder.report(stage)
        if stage not in gates:
            return
        recipe = folder.recipe()
        better = directions(registry.get("kind", recipe.kind).tasks[recipe.task], recipe)
        check_evidence(verdict, report, declared_digest(folder), gates, run=folder.id, better=better)
        if verdict is None or report is None:
            raise PlatformError(f"Stage {stage} left no verdict.")
        check_split(folder, report)
        body = {
            "stage": stage,
            "decision": verdict.decision,
            "verdict": verdict_digest(verdict),
            "report": report_digest(report),
        }
        if not any(entry.body == body for entry in ledger.find("run.judged", folder.id)):
            ledger.append("run.judged", folder.id, body)
        if stage == ADVISORY or is_cleared(verdict, folder.reviews()):
            return
        missed = "; ".join(_say(one) for one in verdict.criteria if not one.passed)
        if verdict.decision == "review":
            raise NeedsReview(
                f"The gate of stage {stage} wants a person to decide: {missed}.",
                remedy=f"`engram report {folder.id}` shows the evidence, `engram runs review {folder.id}` decides.",
            )
        refusal = {"stage": stage, "verdict": verdict_digest(verdict)}
        if not any(entry.body == refusal for entry in ledger.find("run.refused", folder.id)):
            ledger.append("run.refused", folder.id, refusal)
        raise Refused(
            f"The gate of stage {stage} refused: {missed}.",
            remedy=f"Nothing was published. `engram report {folder.id}` shows the evidence.",
        )


def _say(one: Finding) -> str:
    seen = "nothing" if one.observed is None else format(one.observed, ".4g")
    return f"{one.metric} {one.op} {one.threshold:g}, observed {seen}{f' ({one.reason})' if one.reason else ''}"
