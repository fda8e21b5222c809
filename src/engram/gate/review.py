"""Review: a person answers for a verdict that the gate would not decide alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engram.errors import Refused, UsageError
from engram.files import sha256_bytes
from engram.gate.criteria import decide
from engram.gate.digest import verdict_digest
from engram.schema.verdict import Verdict

FORMAT = "engram.review/1"
Answer = Literal["approve", "reject"]


@dataclass(frozen=True)
class Review:
    """What a person decided on a verdict, and why.

    actor: an opaque id. reason: the person's own words, kept beside the run. reason_digest: what enters the ledger in
    their place. verdict_digest: the verdict that was read, so that the answer fits no other. time: UTC.
    """

    run: str
    stage: str
    decision: Answer
    actor: str
    reason: str
    reason_digest: str
    verdict_digest: str
    time: str
    format: str = FORMAT


def review(
    verdict: Verdict, decision: Answer, *, actor: str, reason: str, time: str, earlier: Sequence[Review] = ()
) -> Review:
    """Return the record of a person's decision.

    earlier: the reviews of this run so far. time: UTC, given by the caller.

    Raises Refused when the verdict is not one for a person to decide (a rollback never is), when its decision does not
    follow from its own criteria, and when it has been reviewed before; UsageError for an unknown decision, and for an
    empty actor or reason.
    """
    if decision not in ("approve", "reject"):
        raise UsageError(f"A review must approve or reject, not {decision!r}.")
    for name, text in (("actor", actor), ("reason", reason)):
        if not text.strip():
            raise UsageError(f"A review needs its {name}, and it is empty.", remedy="Say who decides, and why.")
    if verdict.decision != decide(verdict.criteria):
        raise Refused(
            f"The verdict says {verdict.decision!r}, but its criteria amount to {decide(verdict.criteria)!r}.",
            remedy="Judge the report again; this verdict was changed.",
        )
    if verdict.decision != "review":
        raise Refused(
            f"The gate of stage {verdict.stage!r} said {verdict.decision!r}, which is not for a person to decide.",
            remedy="Only a verdict whose failed criteria are all major can be reviewed.",
        )
    digest = verdict_digest(verdict)
    for past in earlier:
        if past.verdict_digest == digest:
            raise Refused(f"This verdict was reviewed before: {past.actor} said {past.decision} at {past.time}.")
    words = reason.strip()
    return Review(
        verdict.run, verdict.stage, decision, actor.strip(), words, sha256_bytes(words.encode()), digest, time
    )


def is_cleared(verdict: Verdict, reviews: Sequence[Review] = ()) -> bool:
    """Tell whether the run may go on: the gate advanced it, or a person approved this very verdict and none said no.

    >>> is_cleared(Verdict("r1", "evaluate", "review", (), "sha256:0"))
    False
    """
    answers = {past.decision for past in reviews if past.verdict_digest == verdict_digest(verdict)}
    if not verdict.criteria or verdict.decision != decide(verdict.criteria):
        return False
    return verdict.decision == "advance" or (verdict.decision == "review" and answers == {"approve"})
