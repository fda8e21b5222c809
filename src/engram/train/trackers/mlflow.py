"""``report_to: [mlflow]``: a run of MLflow, on the server that MLFLOW_TRACKING_URI names or in a local folder.

MLFLOW_EXPERIMENT_NAME names the experiment (``engram`` when absent). The recipe goes along as ``recipe.json``. A
resumed run goes on in the same run of MLflow, found by its tag ``engram.run``.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from typing import Any

from engram.lazy import need
from engram.train.callbacks import About, TrainerControl, TrainerState

TAG = "engram.run"
ENDS = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED", "paused": "KILLED"}


def tracker(about: About) -> MLflow:
    """Return the tracker of one run.

    Raises MissingExtra when mlflow is not installed.
    """
    return MLflow(about, need("mlflow", extra="mlflow", why="for train.report_to: [mlflow]"))


class MLflow:
    """Sends the numbers of each step in one call."""

    def __init__(self, about: About, mlflow: Any) -> None:
        self.about, self.mlflow = about, mlflow
        self.client: Any = None
        self.run_id = ""

    def on_train_begin(self, state: TrainerState, control: TrainerControl) -> None:
        """Begin the run, or go on in it."""
        self.about.folder.mkdir(parents=True, exist_ok=True)
        local = f"sqlite:///{self.about.folder / 'mlflow.db'}"
        self.client = self.mlflow.MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or local)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "engram"
        known = self.client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else self.client.create_experiment(name)
        found = self.client.search_runs([experiment], f"tags.`{TAG}` = '{self.about.run}'") if self.about.run else []
        if found:
            self.run_id = found[0].info.run_id
            self.client.update_run(self.run_id, status="RUNNING")
            return
        made = self.client.create_run(experiment, tags={TAG: self.about.run}, run_name=self.about.run or None)
        self.run_id = made.info.run_id
        self.client.log_dict(self.run_id, dict(self.about.config), "recipe.json")

    def on_log(self, state: TrainerState, control: TrainerControl, logs: Mapping[str, float]) -> None:
        """Send the numbers of a step that are numbers."""
        now = int(time.time() * 1000)
        metric = self.mlflow.entities.Metric
        sent = [metric(name, value, now, state.global_step) for name, value in logs.items() if math.isfinite(value)]
        self.client.log_batch(self.run_id, metrics=sent)

    def on_train_end(self, state: TrainerState, control: TrainerControl) -> None:
        """Say how the run ended."""
        if self.run_id:
            self.client.set_terminated(self.run_id, ENDS[state.status])
