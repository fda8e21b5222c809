"""What runs are made of: templates, datasets, uploads on their way, and recipes, whose versions never change."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, UniqueConstraint

from engram.store.tables.base import METADATA, changing, key, listed, moment, number, owner, plain, words

templates = Table(
    "templates",
    METADATA,
    key(),
    words("name", unique=True),
    owner(),
    words("kind"),
    words("task"),
    words("source"),
    words("revision"),
    words("digest"),
    plain("body"),
    *changing(),
    *listed("owner", "kind"),
)

datasets = Table(
    "datasets",
    METADATA,
    key(),
    words("name"),
    owner(),
    words("digest"),
    words("format"),
    words("license"),
    number("bytes"),
    number("rows"),
    plain("body"),
    Column("pinned", Boolean, nullable=False),
    moment("deleted"),
    *changing(),
    *listed("owner", "digest"),
)

uploads = Table(
    "uploads",
    METADATA,
    key(),
    owner(),
    words("purpose"),
    words("name"),
    words("digest"),
    number("size"),
    number("received"),
    words("state"),
    number("expires"),
    words("result"),
    *changing(),
    *listed("owner", "state"),
)

recipes = Table(
    "recipes",
    METADATA,
    key(),
    words("name"),
    number("number"),
    owner(),
    words("kind"),
    words("task"),
    words("digest"),
    words("source"),
    plain("body"),
    number("created"),
    UniqueConstraint("name", "number"),
    *listed("owner", "kind", "name"),
)
