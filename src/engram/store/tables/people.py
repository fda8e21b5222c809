"""Who may do what: users, custom roles, logins (refresh tokens) and API keys. Secrets are stored as digests only."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, ForeignKeyConstraint, Table, UniqueConstraint

from engram.store.tables.base import METADATA, Words, changing, key, listed, moment, number, plain, words

users = Table(
    "users",
    METADATA,
    key(),
    words("name", unique=True),
    words("title"),
    words("email"),
    words("role"),
    words("password_hash", nullable=True),
    Column("must_change_password", Boolean, nullable=False),
    words("provider", nullable=True),
    words("subject", nullable=True),
    moment("disabled"),
    *changing(),
    UniqueConstraint("provider", "subject"),
    *listed("role"),
)

roles = Table("roles", METADATA, Column("name", Words, primary_key=True), plain("reach"), *changing())

logins = Table(
    "logins",
    METADATA,
    key(),
    words("family"),
    Column("owner", Words, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    words("token_hash", unique=True),
    words("user_agent"),
    words("address"),
    number("created"),
    number("expires"),
    number("family_ends"),
    moment("rotated"),
    moment("revoked"),
    *listed("owner", "family"),
)

api_keys = Table(
    "api_keys",
    METADATA,
    key(),
    Column("owner", Words, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    words("name"),
    words("prefix", unique=True),
    words("digest", unique=True),
    plain("scopes"),
    number("created"),
    moment("expires"),
    moment("revoked"),
    moment("used"),
    words("run", nullable=True),
    number("epoch", nullable=True),
    ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
    *listed("owner", "run"),
)
