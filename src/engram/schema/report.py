"""The report of a stage: what was measured, with its interval where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = "engram.report/1"


@dataclass(frozen=True)
class Measure:
    """One metric of one stage.

    value: the observed number (of the tuned model, where there are two).
    interval: its 95 % interval.
    baseline, difference, difference_interval: the reference baseline's number, value − baseline, and the paired
        95 % interval of that difference.
    method: how the intervals were drawn, and how the number is worked out, in words.
    """

    value: float | None
    interval: tuple[float, ...] | None = None
    baseline: float | None = None
    difference: float | None = None
    difference_interval: tuple[float, ...] | None = None
    method: str = ""
    mcnemar_p: float | None = None


@dataclass(frozen=True)
class Report:
    """What one stage measured.

    n: rows behind the numbers. split_digest: the data they come from. times_scored: how often that test part has been
    scored in this home, this time included. details: tables and curves for people (confusion matrix, reliability, …).
    """

    run: str
    stage: str
    n: int
    metrics: Mapping[str, Measure]
    split_digest: str = ""
    times_scored: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    format: str = FORMAT
