"""A fine-tuning and its run as OpenAI's clients read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.schema.state import State
from engram.store.records.fine_tunings import FineTuning
from engram.store.records.runs import Run

# Those clients know six states. What a person has to look at, or waits for its machine, is still on its way.
STATUS: Mapping[State, str] = {
    "queued": "queued",
    "running": "running",
    "paused": "queued",
    "awaiting_review": "running",
    "cancelling": "running",
    "cancelled": "cancelled",
    "failed_user": "failed",
    "failed_platform": "failed",
    "preempted": "queued",
    "lost_contact": "running",
    "refused": "failed",
    "published": "running",  # until it is deployed
}
DEPLOYED = {"waiting": "running", "deployed": "succeeded", "failed": "failed"}
VALIDATING = "data"


def status_of(one: FineTuning, run: Run) -> str:
    """Return the status of a fine-tuning, one of six."""
    if run.state == "published":
        return DEPLOYED[one.state]
    if run.state == "running" and run.stage == VALIDATING:
        return "validating_files"
    return STATUS[run.state]


def shown(one: FineTuning, run: Run) -> dict[str, Any]:
    """Return a fine-tuning in that shape; the run behind it has the same id."""
    status, parameters = status_of(one, run), one.options["hyperparameters"]
    ended = status in ("succeeded", "failed", "cancelled")
    return {
        "id": one.id,
        "object": "fine_tuning.job",
        "created_at": one.created // 1_000_000,
        "finished_at": (run.ended or one.updated) // 1_000_000 if ended else None,
        "model": one.base,
        "fine_tuned_model": one.name if status == "succeeded" else None,
        "organization_id": one.owner,
        "status": status,
        "error": _error(one, run) if status == "failed" else None,
        "training_file": one.training,
        "validation_file": one.validation or None,
        "result_files": [],
        "hyperparameters": parameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": parameters}},
        "trained_tokens": None,
        "seed": one.options["seed"],
        "user_provided_suffix": one.options["suffix"],
        "metadata": one.options["metadata"],
        "integrations": [],
        "estimated_finish": None,
    }


def _error(one: FineTuning, run: Run) -> dict[str, Any]:
    """Return why it failed; of a run that a gate refused, the verdict."""
    code = "deployment_failed" if run.state == "published" else str(run.state)
    said = one.reason if run.state == "published" else run.reason or f"The run is {run.state}."
    stage = f"Stage {run.stage}: " if run.stage and run.state != "published" else ""
    return {"code": code, "message": f"{stage}{said}", "param": None}
