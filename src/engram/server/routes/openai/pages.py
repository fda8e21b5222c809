"""Lists as OpenAI's clients page through them: after the id of the last item, with word of whether there is more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from engram.store.pages import Page, make_cursor


class Listed(Protocol):
    """What stands in a list."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def created(self) -> int:
        """When it was made."""


T = TypeVar("T", bound=Listed)


def cursor_of(table: str, last: Listed | None) -> str | None:
    """Return the cursor behind an item of a table's list, None for its beginning."""
    return None if last is None else make_cursor(table, last.created, last.id)


def listing(page: Page[T], show: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """Return a page in that shape."""
    return shape([show(one) for one in page.items], more=page.next is not None)


def shape(items: Sequence[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    """Return items in that shape."""
    ends = {"first_id": items[0]["id"] if items else None, "last_id": items[-1]["id"] if items else None}
    return {"object": "list", "data": list(items), "has_more": more, **ends}
