"""``report_to: [jsonl]``: one JSON object a line, in ``metrics.jsonl`` beside the run's checkpoints."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from engram import files
from engram.train.callbacks import About, TrainerControl, TrainerState

NAME = "metrics.jsonl"


def tracker(about: About) -> JsonLines:
    """Return the tracker of one run."""
    return JsonLines(about)


class JsonLines:
    """Appends a line for each log; lines of steps that a resumed run does again are dropped first."""

    def __init__(self, about: About) -> None:
        self.path = about.folder / NAME

    def on_train_begin(self, state: TrainerState, control: TrainerControl) -> None:
        """Keep the lines up to the step that training goes on from; a new run begins with none."""
        kept = []
        if state.resumed and self.path.exists():
            for line in self.path.read_bytes().splitlines(keepends=True):
                step = _step(line)
                if step is not None and step <= state.global_step:
                    kept.append(line)
        files.write_atomic(self.path, b"".join(kept))

    def on_log(self, state: TrainerState, control: TrainerControl, logs: Mapping[str, float]) -> None:
        """Write one line."""
        numbers = {"step": state.global_step, "epoch": state.epoch, **logs}
        line = {name: value if math.isfinite(value) else None for name, value in numbers.items()}  # JSON knows no NaN
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def _step(line: bytes) -> int | None:
    """Return the step of a line, None for one that was cut off when a process died."""
    try:
        said: Any = json.loads(line)
        return int(said["step"]) if line.endswith(b"\n") else None
    except (ValueError, TypeError, KeyError):
        return None
