"""The run record: what a run is and where it stands, derived from its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engram.schema.state import State

FORMAT = "engram.run/1"


@dataclass(frozen=True)
class RunRecord:
    """One line of `engram runs list`.

    stage: the stage it is in, or was in when it ended. reason: why it is in this state, in words.
    metrics: headline numbers, as `accuracy`, `accuracy_baseline`.
    """

    id: str
    recipe: str
    kind: str
    task: str
    created: str
    state: State
    attempt: int = 1
    stage: str = ""
    reason: str = ""
    recipe_digest: str = ""
    split_digest: str = ""
    artifact: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    format: str = FORMAT
