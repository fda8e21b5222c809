"""The verdict of a gate on one stage's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engram.schema.criterion import Severity

FORMAT = "engram.verdict/1"
Decision = Literal["advance", "review", "rollback"]


@dataclass(frozen=True)
class Finding:
    """One criterion, judged. `observed` is None when the metric is absent or not finite, which never passes.

    reason: why it failed, in words, where the numbers alone don't say it.
    """

    metric: str
    op: str
    threshold: float
    observed: float | None
    passed: bool
    severity: Severity
    n: int = 0
    interval: tuple[float, ...] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """advance: every criterion passed. rollback: a critical one failed. review: only major ones failed.

    report_digest: the evidence, so that a report that is changed afterwards no longer fits its verdict.
    """

    run: str
    stage: str
    decision: Decision
    criteria: tuple[Finding, ...]
    report_digest: str
    judged_by: str = "home"
    format: str = FORMAT
