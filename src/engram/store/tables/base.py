"""What all tables share: names of constraints, the types of columns, and the columns that most of them have.

Times are whole microseconds since 1970 in UTC. JSON is stored as text, so that both databases give back the same.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Text
from sqlalchemy.types import TypeDecorator

from engram.errors import UsageError

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite counts by itself only in a column that is INTEGER to the letter.
Cursor = BigInteger().with_variant(Integer(), "sqlite")


class Words(TypeDecorator[str]):
    """Text; what PostgreSQL can't hold (NUL, half a surrogate pair) is refused with UsageError on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Return the text that is sent to the database."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise UsageError(f"The text {value[:60]!r} holds a character that can't be stored.", remedy="Remove it.")
        return value


class Json(TypeDecorator[Any]):
    """Plain data as JSON text in ASCII, so that no character of it can trouble a database; finite numbers only."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str:
        """Return the text that is sent to the database.

        Raises UsageError for what JSON does not know: NaN, infinity, objects.
        """
        try:
            return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"That can't be stored as JSON: {error}.") from error

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        """Return the plain data of a stored text."""
        return None if value is None else json.loads(value)


class Whole(TypeDecorator[int]):
    """A whole number of 64 bits; a larger one is refused with UsageError on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> int | None:
        """Return the number that is sent to the database."""
        if value is not None and not -(1 << 63) <= value < 1 << 63:
            raise UsageError(f"The number {str(value)[:30]} does not fit 64 bits.")
        return value


def words(name: str, **options: Any) -> Column[str]:
    """Make a column of text; never null unless it is said."""
    return Column(name, Words, **{"nullable": False, **options})


def number(name: str, **options: Any) -> Column[int]:
    """Make a column of whole numbers of 64 bits; never null unless it is said."""
    return Column(name, Whole, **{"nullable": False, **options})


def moment(name: str) -> Column[int]:
    """Make a column for a time that may not have come."""
    return Column(name, Whole)


def plain(name: str) -> Column[Any]:
    """Make a column of JSON; never null."""
    return Column(name, Json, nullable=False)


def key() -> Column[str]:
    """Make the column `id`, an id of `engram.store.ids`."""
    return Column("id", Words, primary_key=True)


def owner() -> Column[str]:
    """Make the column `owner`; somebody who owns things can't vanish, only be disabled."""
    return Column("owner", Words, ForeignKey("users.id", ondelete="RESTRICT"), nullable=False)


def changing() -> tuple[Column[int], Column[int], Column[int]]:
    """Make `created`, `updated` and `version`, which grows by one with each change, so that a page can send it back."""
    return number("created"), number("updated"), number("version")


def listed(*filters: str, last: tuple[str, str] = ("created", "id")) -> list[Index]:
    """Make the indexes by which a list is paged: in its order alone, and within each filter.

    >>> [index.expressions for index in listed("owner")]
    [['created', 'id'], ['owner', 'created', 'id']]
    """
    return [Index(None, *last), *(Index(None, name, *last) for name in filters)]
