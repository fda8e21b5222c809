"""A person decides on a verdict that waits; the decision enters the ledger before it has any effect."""

from __future__ import annotations

import getpass
from pathlib import Path

from engram import files
from engram.errors import Refused
from engram.files import home_lock
from engram.gate import review as gate
from engram.pipeline.folder import RunFolder
from engram.pipeline.journal import utc_now
from engram.pipeline.run import move, open_ledger


def decide(folder: RunFolder, home: Path, answer: gate.Answer, *, reason: str) -> str:
    """Record a review of the verdict that the run waits for, and return the stage.

    Raises Refused when the run waits for nobody.
    """
    with home_lock(home, f"review of {folder.id}"):
        record = folder.record()
        verdict = folder.verdict(record.stage)
        if record.state != "awaiting_review" or verdict is None:
            raise Refused(f"Run {folder.id} is {record.state}; there is nothing to review.")
        actor = "u_" + files.sha256_bytes(getpass.getuser().encode()).removeprefix("sha256:")[:16]
        one = gate.review(verdict, answer, actor=actor, reason=reason, time=utc_now(), earlier=folder.reviews())
        open_ledger(home).append(
            "run.reviewed",
            folder.id,
            {
                "stage": one.stage,
                "decision": one.decision,
                "verdict": one.verdict_digest,
                "reason": one.reason_digest,
            },
            actor,
        )
        folder.save_review(one)
        if answer == "reject":
            move(folder, "awaiting_review", "refused", lambda record: None, reason="rejected in review")
        return one.stage
