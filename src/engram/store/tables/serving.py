"""What came of runs: artifacts, where they are deployed, and every deployment's history."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, PrimaryKeyConstraint, Table

from engram.store.tables.base import METADATA, Words, changing, key, listed, moment, number, owner, plain, words

artifacts = Table(
    "artifacts",
    METADATA,
    Column("digest", Words, primary_key=True),
    words("name"),
    owner(),
    words("run"),
    words("kind"),
    words("task"),
    number("bytes"),
    number("entry", nullable=True),
    plain("metrics"),
    Column("pinned", Boolean, nullable=False),
    Column("shared", Boolean, nullable=False),
    moment("deleted"),
    *changing(),
    *listed("owner", "shared", "kind", "name", "run", last=("created", "digest")),
)

deployments = Table(
    "deployments",
    METADATA,
    key(),
    words("name", unique=True),
    owner(),
    # What is deployed can't be removed.
    Column("artifact", Words, ForeignKey("artifacts.digest", ondelete="RESTRICT"), nullable=False),
    words("state"),
    plain("options"),
    Column("shared", Boolean, nullable=False),
    *changing(),
    *listed("owner", "shared", "state", "artifact"),
)

deployment_history = Table(
    "deployment_history",
    METADATA,
    Column("deployment", Words, ForeignKey("deployments.id", ondelete="CASCADE"), nullable=False),
    number("number"),
    Column("artifact", Words, ForeignKey("artifacts.digest", ondelete="RESTRICT"), nullable=False),
    words("state"),
    plain("options"),
    words("actor"),
    words("reason"),
    number("created"),
    PrimaryKeyConstraint("deployment", "number"),
)
