"""Reviews: what waits for a person, and her decision, which enters the ledger before it has any effect."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from engram.errors import Refused
from engram.gate.digest import verdict_digest
from engram.pipeline.review import record
from engram.schema.codec import to_dict
from engram.server.access import Here, Who
from engram.server.once import Key, once
from engram.server.route import Router
from engram.server.routes.runs import find
from engram.server.shapes.runs import ReviewList, ReviewOut, WaitingList, WaitingOut
from engram.store.pages import USUAL
from engram.store.records import evidence, reviews, runs
from engram.store.records.evidence import Waiting
from engram.store.times import from_micros

router = Router(prefix="/api/v1", tags=["reviews"])


class Decision(BaseModel):
    """What is decided, and why.

    stage: which verdict is meant; the one that waits by default. verdict: the digest of what was read, so that the
    decision fits no other.
    """

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]
    reason: str = Field(min_length=1, max_length=4000)
    stage: str = Field(default="", max_length=40)
    verdict: str = Field(default="", max_length=80)


@router.get("/reviews", operation_id="reviews.list")
def waiting(who: Who, here: Here, after: str | None = None, limit: int = USUAL) -> WaitingList:
    """List the verdicts that wait for a person, newest first."""
    with here.db.read() as tx:
        page = evidence.list_verdicts(tx, who.asks(after, limit), waiting=True)
    return WaitingList(items=[shown(one) for one in page.items], next=page.next)


@router.get("/runs/{run}/reviews", operation_id="reviews.read")
def decided(run: str, who: Who, here: Here) -> ReviewList:
    """Return what people decided on a run."""
    find(here, who, run)
    with here.db.read() as tx:
        found = reviews.reviews_of(tx, run)
    return ReviewList(items=[ReviewOut.model_validate(to_dict(one)) for one in found])


@router.post("/runs/{run}/review", operation_id="reviews.decide", status_code=201)
def decide(run: str, asked: Decision, who: Who, here: Here, key: Key = None) -> ReviewOut:
    """Decide on the verdict that a run waits for: an approved run is queued again, a rejected one is refused."""
    find(here, who, run)
    with here.writing, here.db.write() as tx:
        made = once(tx, who, key, {"run": run, **asked.model_dump()}, lambda: _decide(tx, run, asked, who, here))
    here.wake.set()
    return ReviewOut.model_validate(made)


def _decide(tx: Connection, run: str, asked: Decision, who: Who, here: Here) -> ReviewOut:
    found, stored = runs.get_run(tx, run), evidence.verdicts_of(tx, run)
    stage = asked.stage or found.stage
    if found.state != "awaiting_review" or stage != found.stage or stage not in stored:
        raise Refused(f"Run {run} is {found.state} in stage {found.stage}; there is no verdict of {stage} to review.")
    one = record(
        here.folder(run),
        here.ledger,
        asked.decision,
        actor=who.principal.user,
        reason=asked.reason,
        read=asked.verdict or verdict_digest(stored[stage]),
    )
    reviews.add_review(tx, one)
    if asked.decision == "approve":
        runs.step_run(tx, run, "queued")
    else:
        runs.step_run(tx, run, "refused", reason="rejected in review")
    return ReviewOut.model_validate(to_dict(one))


def shown(one: Waiting) -> WaitingOut:
    """Return a verdict that waits as a list shows it."""
    missed = [finding for finding in one.body["criteria"] if not finding["passed"]]
    said = {name: getattr(one, name) for name in ("id", "run", "stage", "digest")}
    return WaitingOut.model_validate({**said, "missed": missed, "created": from_micros(one.created)})
