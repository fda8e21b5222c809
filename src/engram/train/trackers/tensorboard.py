"""``report_to: [tensorboard]``: event files in ``tensorboard/`` beside the run's checkpoints.

Look at them with ``tensorboard --logdir``. A resumed run hides what the dead one wrote after its last checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engram.lazy import need
from engram.train.callbacks import About, TrainerControl, TrainerState


def tracker(about: About) -> TensorBoard:
    """Return the tracker of one run.

    Raises MissingExtra when tensorboardX, which writes the files, is not installed.
    """
    return TensorBoard(about, need("tensorboardX", extra="tracking", why="for train.report_to: [tensorboard]"))


class TensorBoard:
    """Writes each number as a scalar under its own name, and the recipe as a text."""

    def __init__(self, about: About, package: Any) -> None:
        self.about, self.package = about, package
        self.writer: Any = None

    def on_train_begin(self, state: TrainerState, control: TrainerControl) -> None:
        """Open the event file."""
        purge = state.global_step + 1 if state.resumed else None
        self.writer = self.package.SummaryWriter(str(self.about.folder / "tensorboard"), purge_step=purge)
        self.writer.add_text("recipe", f"```json\n{json.dumps(dict(self.about.config), indent=2)}\n```")

    def on_log(self, state: TrainerState, control: TrainerControl, logs: Mapping[str, float]) -> None:
        """Write the numbers of a step."""
        for name, value in logs.items():
            self.writer.add_scalar(name, value, state.global_step)

    def on_save(self, state: TrainerState, control: TrainerControl) -> None:
        """Bring what was written so far to the disk, so that it is as durable as the checkpoint."""
        self.writer.flush()

    def on_train_end(self, state: TrainerState, control: TrainerControl) -> None:
        """Close the event file."""
        if self.writer is not None:
            self.writer.close()
