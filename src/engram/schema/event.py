"""Events: everything that an attempt says while it works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "engram.event/1"


@dataclass(frozen=True)
class Event:
    """One line of a run's journal; (run, attempt, seq) is unique, so replay is idempotent.

    type: started, progress, metric, checkpoint, report, verdict, note, finished, failed, …
    """

    run: str
    attempt: int
    epoch: int
    seq: int
    time: str
    stage: str
    type: str
    body: Mapping[str, Any]
    format: str = FORMAT
