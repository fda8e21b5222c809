"""Fine-tunings: runs that were asked for in the shape of OpenAI's clients, and what was asked."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from engram.store.tables.base import METADATA, Words, changing, listed, owner, plain, words

fine_tunings = Table(
    "fine_tunings",
    METADATA,
    Column("id", Words, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    owner(),
    words("base"),
    words("training"),
    words("validation"),
    plain("options"),
    words("name"),
    words("state"),
    words("reason"),
    *changing(),
    *listed("owner", "state"),
)
