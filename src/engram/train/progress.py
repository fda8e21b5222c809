"""How far a training is: everything besides weights, optimizer and generators that a checkpoint must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engram.schema.codec import to_dict
from engram.train.stopping import Stopping


@dataclass
class Progress:
    """The cursor (epoch, position in the epoch's list of steps) and the counters.

    step: optimizer steps done. tokens: real tokens seen, padding excluded. targets: labels learned from.
    batches_per_step: what the run began with; it stays when the run goes on with more or fewer processes.
    stopped_by: the callback that asked to stop.
    """

    step: int = 0
    epoch: int = 0
    position: int = 0
    tokens: int = 0
    targets: int = 0
    still: int = 0
    finished: bool = False
    batches_per_step: int = 0
    stopped_by: str = ""
    stopping: Stopping = field(default_factory=lambda: Stopping(patience=0))
    grad_norms: list[float] = field(default_factory=list)

    def to_state(self) -> dict[str, Any]:
        """Return plain data that JSON holds exactly (floats are written with all their digits)."""
        stopping = {name: _say(value) for name, value in to_dict(self.stopping).items()}
        return {**{k: v for k, v in vars(self).items() if k != "stopping"}, "stopping": stopping}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Progress:
        """Build the progress that a checkpoint holds."""
        said: dict[str, Any] = {k: float(v) if isinstance(v, str) else v for k, v in state["stopping"].items()}
        return cls(**{**state, "stopping": Stopping(**said)})


def _say(value: float) -> float | str:
    return value if value == value and abs(value) != float("inf") else repr(value)
