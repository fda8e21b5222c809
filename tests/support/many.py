"""Many runs at once, as a home has after years: loaded in bulk, in the states that runs come to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from engram.schema.state import STATES
from engram.store import tables
from engram.store.database import Database

BATCH, FIRST = 5_000, 1_700_000_000_000_000


def fill_runs(db: Database, owner: str, count: int) -> None:
    """Load runs of one owner; four of five are published, the others in every other state."""
    with db.write() as tx:
        for start in range(0, count, BATCH):
            tx.execute(insert(tables.runs), [_row(n, owner) for n in range(start, min(count, start + BATCH))])


def _row(number: int, owner: str) -> dict[str, Any]:
    return {
        "id": f"r_{number:026d}", "recipe": f"recipe-{number % 50}", "owner": owner, "kind": "language",
        "task": "classify", "state": "published" if number % 5 else STATES[number // 5 % len(STATES)], "stage": "train",
        "reason": "", "priority": 0, "attempt": 1, "epoch": 1, "recipe_digest": "sha256:" + "0" * 64,
        "split_digest": "", "body": {"name": f"recipe-{number % 50}"}, "metrics": {"accuracy": 0.9}, "artifact": "",
        "pinned": False, "shared": False, "change": number + 1, "created": FIRST + number, "updated": FIRST,
        "version": 1,
    }  # fmt: skip
