"""What keeps the house in order: answers by idempotency key, the audit, settings, leases by name, and counters."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from engram.store.tables.base import METADATA, Cursor, Words, moment, number, plain, words

idempotency = Table(
    "idempotency",
    METADATA,
    words("user"),
    words("operation"),
    words("key"),
    words("body_digest"),
    words("token"),
    moment("answered"),
    number("status"),
    plain("answer"),
    number("created"),
    number("until"),
    PrimaryKeyConstraint("user", "operation", "key"),
    Index(None, "until"),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", Cursor, primary_key=True, autoincrement=True),
    number("time"),
    words("actor"),
    words("via"),
    words("operation"),
    words("subject"),
    words("outcome"),
    words("reason"),
    words("address"),
    words("request"),
    plain("detail"),
    words("before"),
    words("digest"),
    Index(None, "actor", "id"),
    Index(None, "operation", "id"),
    Index(None, "subject", "id"),
    Index(None, "time"),
    sqlite_autoincrement=True,
)

# What content filters decided: where and by which rule, with the digest of the text and never the text itself.
filter_decisions = Table(
    "filter_decisions",
    METADATA,
    Column("id", Cursor, primary_key=True, autoincrement=True),
    number("time"),
    words("request"),
    words("user"),
    words("side"),
    words("subject"),
    words("action"),
    words("stage"),
    words("rule"),
    words("classifier"),
    words("digest"),
    Index(None, "subject", "id"),
    Index(None, "action", "id"),
    sqlite_autoincrement=True,
)

settings = Table(
    "settings",
    METADATA,
    Column("name", Words, primary_key=True),
    plain("value"),
    words("actor"),
    number("updated"),
    number("version"),
)

leases = Table(
    "leases",
    METADATA,
    Column("name", Words, primary_key=True),
    words("owner"),
    number("term"),
    number("taken"),
    number("until"),
)

# Numbers that only grow, also when what they were given to is removed.
counters = Table(
    "counters",
    METADATA,
    Column("name", Words, primary_key=True),
    number("value"),
)
