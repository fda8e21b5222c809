"""What a run says, as the events and checkpoints of a fine-tuning."""

from __future__ import annotations

from typing import Any

from engram.store.records.events import StoredEvent
from engram.store.times import to_micros

CHECKPOINT = "checkpoint"
# Bars are for those who watch the run itself.
TOLD = ("started", "resumed", "metric", CHECKPOINT, "report", "verdict", "note", "error", "finished")
WARNING = {"review", "rollback"}


def event(one: StoredEvent) -> dict[str, Any]:
    """Return an event in that shape."""
    said, body = one.event, dict(one.event.body)
    level = "error" if said.type == "error" else "warn" if body.get("decision") in WARNING else "info"
    return {
        "id": f"ftevent-{one.id}",
        "object": "fine_tuning.job.event",
        "created_at": to_micros(said.time) // 1_000_000,
        "level": level,
        "message": _sentence(said.stage, said.type, body),
        "type": "metrics" if said.type == "metric" else "message",
        "data": body,
    }


def checkpoint(one: StoredEvent) -> dict[str, Any]:
    """Return a checkpoint in that shape."""
    said = one.event
    return {
        "id": f"ftckpt-{one.id}",
        "object": "fine_tuning.job.checkpoint",
        "created_at": to_micros(said.time) // 1_000_000,
        "fine_tuning_job_id": said.run,
        "fine_tuned_model_checkpoint": f"{said.run}/{said.body['folder']}",
        "step_number": int(said.body["step"]),
        "metrics": {"step": said.body["step"]},
    }


def _sentence(stage: str, kind: str, body: dict[str, Any]) -> str:
    match kind:
        case "metric":
            numbers = ", ".join(
                f"{name} {body[name]:.4g}" for name in ("loss", "valid_loss") if body.get(name) is not None
            )
            return f"Step {body.get('step')}/{body.get('total')}: {numbers}"
        case "verdict":
            failed = f" ({', '.join(body.get('failed') or ())})" if body.get("failed") else ""
            return f"Gate of {stage}: {body.get('decision')}{failed}"
        case "report":
            return f"Measured in {stage}: {', '.join(sorted(body))}"
        case "note" | "error":
            return str(body.get("text") or body.get("message") or body.get("error") or kind)
        case _:
            return f"{kind.capitalize()}: {stage}"
