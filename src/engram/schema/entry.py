"""Ledger entries: bodies hold digests and opaque ids only, never names, texts or per-step events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "engram.entry/1"

ENTRY_TYPES = frozenset(
    {
        "home.created",
        "run.declared",
        "run.judged",
        "run.reviewed",
        "run.refused",
        "run.deleted",
        "artifact.certified",
        "deployment.changed",
        "dataset.registered",
        "dataset.deleted",
        "template.registered",
        "template.deleted",
        "key.rotated",
        "audit.rooted",
        "user.deleted",
    }
)


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `subject` is a digest or an id; `actor` an opaque id; `time` UTC with microseconds."""

    index: int
    type: str
    subject: str
    body: Mapping[str, Any]
    actor: str
    time: str
    format: str = FORMAT
