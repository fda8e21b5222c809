"""Where each stage of a run stands, in a tone and a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engram.schema.run import RunRecord
from engram.schema.state import State
from engram.schema.verdict import Finding, Verdict

STAGES = ("data", "baseline", "train", "evaluate", "export", "simulate", "publish")
TITLES = {
    "data": "Data",
    "baseline": "Baseline",
    "train": "Train",
    "evaluate": "Evaluate",
    "export": "Export",
    "simulate": "Simulate",
    "publish": "Publish",
}
STATES: dict[State, tuple[str, str]] = {
    "queued": ("idle", "Queued"),
    "running": ("run", "In progress"),
    "paused": ("warn", "Paused"),
    "awaiting_review": ("warn", "Awaiting review"),
    "cancelling": ("warn", "Cancelling"),
    "cancelled": ("idle", "Cancelled"),
    "failed_user": ("bad", "Failed"),
    "failed_platform": ("bad", "Failed (platform)"),
    "preempted": ("warn", "Preempted"),
    "lost_contact": ("warn", "Lost contact"),
    "refused": ("bad", "Refused"),
    "published": ("ok", "Published"),
}
DECISIONS = {"advance": ("ok", "Advance"), "review": ("warn", "Review"), "rollback": ("bad", "Roll back")}
OVER = frozenset({"cancelled", "failed_user", "failed_platform", "refused", "published"})


@dataclass(frozen=True)
class Standing:
    """One stage: its name, tone (ok, done, run, warn, bad or idle), word and judged criteria."""

    stage: str
    tone: str
    word: str
    findings: tuple[Finding, ...] = ()


def ended(run: RunRecord) -> str:
    """Return a sentence for what will never come, where the run ended before its last stage; else nothing."""
    if run.state not in OVER or run.state == "published":
        return ""
    stage = TITLES.get(run.stage, "").lower()
    return f" This run ended {f'in the {stage} stage' if stage else 'early'}."


def ordered(names: Mapping[str, object]) -> list[str]:
    """Return stages in the order of a run; unknown ones last, as they came."""
    known = [stage for stage in STAGES if stage in names]
    return known + [name for name in names if name not in STAGES]


def standings(run: RunRecord, verdicts: Mapping[str, Verdict]) -> list[Standing]:
    """Return where every stage stands."""
    judged = [at for at, stage in enumerate(STAGES) if stage in verdicts]
    now = STAGES.index(run.stage) if run.stage in STAGES else max(judged, default=-1)
    return [_standing(run, stage, at - now, verdicts.get(stage)) for at, stage in enumerate(STAGES)]


def _standing(run: RunRecord, stage: str, ahead: int, verdict: Verdict | None) -> Standing:
    findings = verdict.criteria if verdict else ()
    if run.state == "published" and verdict is None:
        return Standing(stage, "ok", "Published") if stage == "publish" else Standing(stage, "done", "Done, no gate")
    if verdict:
        tone, word = DECISIONS[verdict.decision]
        went_on = ahead < 0 or run.state == "published"
        if verdict.decision == "rollback" and went_on:  # only an advisory verdict lets a run go on
            return Standing(stage, "warn", "Advisory, missed", findings)
        passed_by_hand = verdict.decision == "review" and went_on
        return Standing(stage, tone, "Review, approved" if passed_by_hand else word, findings)
    if ahead < 0:
        return Standing(stage, "done", "Done, no gate")
    if ahead == 0:
        return Standing(stage, *STATES[run.state])
    return Standing(stage, "idle", "Not reached" if run.state in OVER else "Waiting")
