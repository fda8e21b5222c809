"""The first version: everything.

Frozen: it spells out the tables as they were, and never follows `engram.store.tables`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables and their indexes."""
    for part in (_people, _material, _runs, _keys, _serving, _house, _fine_tunings):
        part()


def columns(type_: sa.types.TypeEngine[Any], *, null: bool = False) -> Callable[..., list[sa.Column[Any]]]:
    """Return a maker of columns of one type."""
    return lambda *names: [sa.Column(name, type_, nullable=null) for name in names]


text, text_or_null = columns(sa.Text()), columns(sa.Text(), null=True)
whole, whole_or_null = columns(sa.BigInteger()), columns(sa.BigInteger(), null=True)
flag, real = columns(sa.Boolean()), columns(sa.Float())


def cursor(name: str) -> list[sa.Column[int]]:
    """Return a column that counts by itself."""
    return [sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)]


def primary(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    """Return a named primary key."""
    return sa.PrimaryKeyConstraint(*names, name=f"pk_{table}")


def unique(table: str, *names: str) -> sa.UniqueConstraint:
    """Return a named constraint that no two rows are alike in these columns."""
    return sa.UniqueConstraint(*names, name=f"uq_{table}_{'_'.join(names)}")


def points_at(table: str, names: list[str], target: str, keys: list[str], rule: str) -> sa.ForeignKeyConstraint:
    """Return a named foreign key; `rule` says what happens here when the row there is removed."""
    pairs = [f"{target}.{key}" for key in keys]
    return sa.ForeignKeyConstraint(names, pairs, name=f"fk_{table}_{'_'.join(names)}", ondelete=rule)


def indexes(table: str, *lists: tuple[str, ...]) -> None:
    """Make an index for each list of columns."""
    for names in lists:
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names))


def _people() -> None:
    op.create_table(
        "users",
        *text("id", "name", "title", "email", "role"),
        *text_or_null("password_hash", "provider", "subject"),
        *flag("must_change_password"),
        *whole_or_null("disabled"),
        *whole("created", "updated", "version"),
        primary("users", "id"),
        unique("users", "name"),
        unique("users", "provider", "subject"),
    )
    indexes("users", ("created", "id"), ("role", "created", "id"))
    op.create_table(
        "roles",
        *text("name", "reach"),
        *whole("created", "updated", "version"),
        primary("roles", "name"),
    )
    op.create_table(
        "logins",
        *text("id", "family", "owner", "token_hash", "user_agent", "address"),
        *whole("created", "expires", "family_ends"),
        *whole_or_null("rotated", "revoked"),
        primary("logins", "id"),
        points_at("logins", ["owner"], "users", ["id"], "CASCADE"),
        unique("logins", "token_hash"),
    )
    indexes("logins", ("created", "id"), ("family", "created", "id"), ("owner", "created", "id"))


def _material() -> None:
    op.create_table(
        "templates",
        *text("id", "name", "owner", "kind", "task", "source", "revision", "digest", "body"),
        *whole("created", "updated", "version"),
        primary("templates", "id"),
        points_at("templates", ["owner"], "users", ["id"], "RESTRICT"),
        unique("templates", "name"),
    )
    indexes("templates", ("created", "id"), ("kind", "created", "id"), ("owner", "created", "id"))
    op.create_table(
        "datasets",
        *text("id", "name", "owner", "digest", "format", "license"),
        *whole("bytes", "rows"),
        *text("body"),
        *flag("pinned"),
        *whole_or_null("deleted"),
        *whole("created", "updated", "version"),
        primary("datasets", "id"),
        points_at("datasets", ["owner"], "users", ["id"], "RESTRICT"),
    )
    indexes("datasets", ("created", "id"), ("digest", "created", "id"), ("owner", "created", "id"))
    op.create_table(
        "uploads",
        *text("id", "owner", "purpose", "name", "digest"),
        *whole("size", "received"),
        *text("state"),
        *whole("expires"),
        *text("result"),
        *whole("created", "updated", "version"),
        primary("uploads", "id"),
        points_at("uploads", ["owner"], "users", ["id"], "RESTRICT"),
    )
    indexes("uploads", ("created", "id"), ("owner", "created", "id"), ("state", "created", "id"))
    op.create_table(
        "recipes",
        *text("id", "name"),
        *whole("number"),
        *text("owner", "kind", "task", "digest", "source", "body"),
        *whole("created"),
        primary("recipes", "id"),
        points_at("recipes", ["owner"], "users", ["id"], "RESTRICT"),
        unique("recipes", "name", "number"),
    )
    indexes(
        "recipes", ("created", "id"), ("kind", "created", "id"), ("name", "created", "id"), ("owner", "created", "id")
    )


def _runs() -> None:
    op.create_table(
        "runs",
        *text("id", "recipe", "owner", "kind", "task", "state", "stage", "reason"),
        *whole("priority", "attempt", "epoch"),
        *text("recipe_digest", "split_digest", "body", "metrics", "artifact"),
        *text_or_null("template"),
        *flag("pinned", "shared"),
        *whole_or_null("started", "ended", "deleted"),
        *whole("change", "created", "updated", "version"),
        primary("runs", "id"),
        points_at("runs", ["owner"], "users", ["id"], "RESTRICT"),
        points_at("runs", ["template"], "templates", ["id"], "RESTRICT"),
    )
    indexes(
        "runs",
        ("change",),
        ("created", "id"),
        ("kind", "created", "id"),
        ("owner", "created", "id"),
        ("owner", "state", "created", "id"),
        ("recipe", "created", "id"),
        ("shared", "created", "id"),
        ("state", "created", "id"),
        ("state", "priority", "created", "id"),
        ("template", "created", "id"),
    )
    op.create_table(
        "attempts",
        *text("run"),
        *whole("attempt", "epoch"),
        *text("state", "runner", "handle"),
        *whole("acked_seq", "lease_until", "created", "updated", "version"),
        primary("attempts", "run", "attempt"),
        points_at("attempts", ["run"], "runs", ["id"], "CASCADE"),
        unique("attempts", "run", "epoch"),
    )
    indexes("attempts", ("state", "lease_until"))
    op.create_table(
        "events",
        *cursor("id"),
        *text("run"),
        *whole("attempt", "epoch", "seq", "time"),
        *text("stage", "type", "body"),
        primary("events", "id"),
        points_at("events", ["run", "attempt"], "attempts", ["run", "attempt"], "CASCADE"),
        unique("events", "run", "attempt", "seq"),
        sqlite_autoincrement=True,
    )
    indexes("events", ("run", "id"))
    op.create_table(
        "points",
        *text("run", "stage", "name"),
        *whole("step"),
        *real("value"),
        *whole("time", "attempt", "seq"),
        primary("points", "run", "stage", "name", "step"),
        points_at("points", ["run"], "runs", ["id"], "CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reports",
        *text("run", "stage", "digest", "body"),
        *whole("created", "updated", "version"),
        primary("reports", "run", "stage"),
        points_at("reports", ["run"], "runs", ["id"], "CASCADE"),
    )
    op.create_table(
        "verdicts",
        *text("id", "run", "stage", "decision", "digest", "report_digest", "body"),
        *whole("created", "updated", "version"),
        primary("verdicts", "id"),
        points_at("verdicts", ["run"], "runs", ["id"], "CASCADE"),
        unique("verdicts", "run", "stage"),
    )
    indexes("verdicts", ("created", "id"), ("decision", "created", "id"))
    op.create_table(
        "reviews",
        *text("id", "run", "stage", "decision", "actor", "reason", "reason_digest", "verdict_digest"),
        *whole("created"),
        primary("reviews", "id"),
        points_at("reviews", ["run"], "runs", ["id"], "CASCADE"),
        unique("reviews", "run", "verdict_digest"),
    )
    indexes("reviews", ("created", "id"), ("run", "created", "id"))


def _keys() -> None:
    op.create_table(
        "api_keys",
        *text("id", "owner", "name", "prefix", "digest", "scopes"),
        *whole("created"),
        *whole_or_null("expires", "revoked", "used"),
        *text_or_null("run"),
        *whole_or_null("epoch"),
        primary("api_keys", "id"),
        points_at("api_keys", ["owner"], "users", ["id"], "CASCADE"),
        points_at("api_keys", ["run"], "runs", ["id"], "CASCADE"),
        unique("api_keys", "prefix"),
        unique("api_keys", "digest"),
    )
    indexes("api_keys", ("created", "id"), ("owner", "created", "id"), ("run", "created", "id"))


def _serving() -> None:
    op.create_table(
        "artifacts",
        *text("digest", "name", "owner", "run", "kind", "task"),
        *whole("bytes"),
        *whole_or_null("entry"),
        *text("metrics"),
        *flag("pinned", "shared"),
        *whole_or_null("deleted"),
        *whole("created", "updated", "version"),
        primary("artifacts", "digest"),
        points_at("artifacts", ["owner"], "users", ["id"], "RESTRICT"),
    )
    indexes(
        "artifacts",
        ("created", "digest"),
        ("kind", "created", "digest"),
        ("name", "created", "digest"),
        ("owner", "created", "digest"),
        ("run", "created", "digest"),
        ("shared", "created", "digest"),
    )
    op.create_table(
        "deployments",
        *text("id", "name", "owner", "artifact", "state", "options"),
        *flag("shared"),
        *whole("created", "updated", "version"),
        primary("deployments", "id"),
        points_at("deployments", ["artifact"], "artifacts", ["digest"], "RESTRICT"),
        points_at("deployments", ["owner"], "users", ["id"], "RESTRICT"),
        unique("deployments", "name"),
    )
    indexes(
        "deployments",
        ("artifact", "created", "id"),
        ("created", "id"),
        ("owner", "created", "id"),
        ("shared", "created", "id"),
        ("state", "created", "id"),
    )
    op.create_table(
        "deployment_history",
        *text("deployment"),
        *whole("number"),
        *text("artifact", "state", "options", "actor", "reason"),
        *whole("created"),
        primary("deployment_history", "deployment", "number"),
        points_at("deployment_history", ["artifact"], "artifacts", ["digest"], "RESTRICT"),
        points_at("deployment_history", ["deployment"], "deployments", ["id"], "CASCADE"),
    )


def _house() -> None:
    op.create_table(
        "idempotency",
        *text("user", "operation", "key", "body_digest", "token"),
        *whole_or_null("answered"),
        *whole("status"),
        *text("answer"),
        *whole("created", "until"),
        primary("idempotency", "user", "operation", "key"),
    )
    indexes("idempotency", ("until",))
    op.create_table(
        "audit",
        *cursor("id"),
        *whole("time"),
        *text("actor", "via", "operation", "subject", "outcome", "reason", "address", "request", "detail"),
        *text("before", "digest"),
        primary("audit", "id"),
        sqlite_autoincrement=True,
    )
    indexes("audit", ("actor", "id"), ("operation", "id"), ("subject", "id"), ("time",))
    op.create_table(
        "filter_decisions",
        *cursor("id"),
        *whole("time"),
        *text("request", "user", "side", "subject", "action", "stage", "rule", "classifier", "digest"),
        primary("filter_decisions", "id"),
        sqlite_autoincrement=True,
    )
    indexes("filter_decisions", ("subject", "id"), ("action", "id"))
    op.create_table(
        "settings",
        *text("name", "value", "actor"),
        *whole("updated", "version"),
        primary("settings", "name"),
    )
    op.create_table(
        "leases",
        *text("name", "owner"),
        *whole("term", "taken", "until"),
        primary("leases", "name"),
    )
    op.create_table("counters", *text("name"), *whole("value"), primary("counters", "name"))


def _fine_tunings() -> None:
    op.create_table(
        "fine_tunings",
        *text("id", "owner", "base", "training", "validation", "options", "name", "state", "reason"),
        *whole("created", "updated", "version"),
        primary("fine_tunings", "id"),
        points_at("fine_tunings", ["id"], "runs", ["id"], "CASCADE"),
        points_at("fine_tunings", ["owner"], "users", ["id"], "RESTRICT"),
    )
    indexes("fine_tunings", ("created", "id"), ("owner", "created", "id"), ("state", "created", "id"))
