"""``report_to: [wandb]``: a run of Weights & Biases; what is sent leaves this machine unless WANDB_MODE says offline.

WANDB_PROJECT names the project (``engram`` when absent), WANDB_MODE, WANDB_API_KEY and the like are wandb's own. The
recipe goes along as the run's configuration. A resumed run goes on in the same run of wandb.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from engram.lazy import need
from engram.train.callbacks import About, TrainerControl, TrainerState


def tracker(about: About) -> WeightsAndBiases:
    """Return the tracker of one run.

    Raises MissingExtra when wandb is not installed.
    """
    return WeightsAndBiases(about, need("wandb", extra="wandb", why="for train.report_to: [wandb]"))


class WeightsAndBiases:
    """Sends the numbers of each step; wandb itself drops steps that a resumed run does again."""

    def __init__(self, about: About, wandb: Any) -> None:
        self.about, self.wandb = about, wandb
        self.run: Any = None

    def on_train_begin(self, state: TrainerState, control: TrainerControl) -> None:
        """Begin the run, or go on in it."""
        folder = self.about.folder
        folder.mkdir(parents=True, exist_ok=True)
        self.run = self.wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "engram",
            id=re.sub(r"[^A-Za-z0-9_.-]", "-", self.about.run) or None,
            name=self.about.run or None,
            dir=str(folder),
            config=dict(self.about.config),
            resume="allow",
            settings=self.wandb.Settings(console="off"),
        )

    def on_log(self, state: TrainerState, control: TrainerControl, logs: Mapping[str, float]) -> None:
        """Send the numbers of a step; those of one step that come in two parts belong together."""
        self.run.log(dict(logs), step=state.global_step)

    def on_train_end(self, state: TrainerState, control: TrainerControl) -> None:
        """Finish the run; a failed one is marked so."""
        if self.run is not None:
            self.run.finish(exit_code=int(state.status == "failed"))
