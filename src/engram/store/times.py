"""Times: whole microseconds since 1970 in UTC as they are stored, and texts as events and pages say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engram.errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(text: str) -> int:
    """Read a time with its zone, as ``2026-11-20T15:02:11.042000Z``.

    Raises UsageError for anything else; a time without a zone could be any.

    >>> to_micros("1970-01-01T01:00:00.000001+01:00")
    1
    """
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("it has no zone")
        return (found - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(
            f"{str(text)[:60]!r} is not a time: {error}.", remedy="Write it as 2026-11-20T15:02:11.042000Z."
        ) from error


def from_micros(micros: int) -> str:
    """Write a time in UTC with microseconds.

    >>> from_micros(to_micros("2026-11-20T15:02:11.042000Z"))
    '2026-11-20T15:02:11.042000Z'
    """
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
