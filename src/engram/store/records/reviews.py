"""Reviews: what people decided on verdicts, each verdict once."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import Connection, Row, select

from engram.gate.review import Review
from engram.store import rows, tables
from engram.store.ids import new_id
from engram.store.records.runs import get_run
from engram.store.times import from_micros, to_micros

_SAID = [field.name for field in fields(Review) if field.name not in ("time", "format")]


def add_review(tx: Connection, review: Review) -> str:
    """Store a review, return its id; raises Conflict when its verdict was reviewed before, NotFound without a run."""
    identity = new_id("rv")
    said = {name: getattr(review, name) for name in _SAID}
    rows.add(tx, tables.reviews, "review", {"id": identity, **said, "created": to_micros(review.time)})
    return identity


def reviews_of(tx: Connection, run: str, visible_to: str | None = None) -> list[Review]:
    """Return the reviews of a run, oldest first; raises NotFound."""
    get_run(tx, run, visible_to)
    reviews = tables.reviews
    found = tx.execute(select(reviews).where(reviews.c.run == run).order_by(reviews.c.created, reviews.c.id))
    return [_review(row) for row in found]


def _review(row: Row[tuple[object, ...]]) -> Review:
    return Review(**{name: row._mapping[name] for name in _SAID}, time=from_micros(row._mapping["created"]))
