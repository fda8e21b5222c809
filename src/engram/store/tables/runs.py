"""Runs and what is known of them: attempts, events, points of charts, reports, verdicts and reviews."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from engram.store.tables.base import METADATA, Cursor, Words, changing, key, listed, moment, number, owner, plain, words


def _run() -> Column[str]:
    return Column("run", Words, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False)


runs = Table(
    "runs",
    METADATA,
    key(),
    words("recipe"),
    owner(),
    words("kind"),
    words("task"),
    words("state"),
    words("stage"),
    words("reason"),
    number("priority"),
    number("attempt"),
    number("epoch"),
    words("recipe_digest"),
    words("split_digest"),
    plain("body"),
    plain("metrics"),
    words("artifact"),
    Column("template", Words, ForeignKey("templates.id", ondelete="RESTRICT")),
    Column("pinned", Boolean, nullable=False),
    Column("shared", Boolean, nullable=False),
    moment("started"),
    moment("ended"),
    moment("deleted"),
    number("change", default=0),
    *changing(),
    *listed("owner", "shared", "state", "kind", "recipe", "template"),
    Index(None, "owner", "state", "created", "id"),  # by the state alone, everybody's would be looked through
    Index(None, "state", "priority", "created", "id"),
    Index(None, "change"),
)

attempts = Table(
    "attempts",
    METADATA,
    _run(),
    number("attempt"),
    number("epoch"),
    words("state"),
    words("runner"),
    words("handle"),
    number("acked_seq"),
    number("lease_until"),
    *changing(),
    PrimaryKeyConstraint("run", "attempt"),
    UniqueConstraint("run", "epoch"),
    Index(None, "state", "lease_until"),
)

events = Table(
    "events",
    METADATA,
    Column("id", Cursor, primary_key=True, autoincrement=True),
    words("run"),
    number("attempt"),
    number("epoch"),
    number("seq"),
    number("time"),
    words("stage"),
    words("type"),
    plain("body"),
    ForeignKeyConstraint(["run", "attempt"], ["attempts.run", "attempts.attempt"], ondelete="CASCADE"),
    UniqueConstraint("run", "attempt", "seq"),
    Index(None, "run", "id"),
    sqlite_autoincrement=True,  # a number is never given twice, also when the newest rows were removed
)

points = Table(
    "points",
    METADATA,
    _run(),
    words("stage"),
    words("name"),
    number("step"),
    Column("value", Float, nullable=False),
    number("time"),
    number("attempt"),
    number("seq"),
    PrimaryKeyConstraint("run", "stage", "name", "step"),
    sqlite_with_rowid=False,  # a curve lies in one place, in its order
)

reports = Table(
    "reports",
    METADATA,
    _run(),
    words("stage"),
    words("digest"),
    plain("body"),
    *changing(),
    PrimaryKeyConstraint("run", "stage"),
)

verdicts = Table(
    "verdicts",
    METADATA,
    key(),
    _run(),
    words("stage"),
    words("decision"),
    words("digest"),
    words("report_digest"),
    plain("body"),
    *changing(),
    UniqueConstraint("run", "stage"),
    *listed("decision"),
)

reviews = Table(
    "reviews",
    METADATA,
    key(),
    _run(),
    words("stage"),
    words("decision"),
    words("actor"),
    words("reason"),
    words("reason_digest"),
    words("verdict_digest"),
    number("created"),
    UniqueConstraint("run", "verdict_digest"),
    *listed("run"),
)
