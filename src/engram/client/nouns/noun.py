"""What every noun of the SDK is made of: operations that return, and operations that give one item after the other."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar

from engram.client.asking import ask_json
from engram.client.effects import Give, Send, Steps

API = "/api/v1"
PAGE = 100
Operation = TypeVar("Operation", bound=Callable[..., Any])


class Drives(Protocol):
    """What does the wishes of operations, at once or as something to await."""

    def run(self, steps: Steps) -> Any:
        """Run an operation to its end."""

    def iterate(self, steps: Steps) -> Any:
        """Run an operation and yield what it gives."""


class Noun:
    """One noun of a client."""

    def __init__(self, driver: Drives, patience: float) -> None:
        self._driver, self._patience = driver, patience

    def _get(self, path: str, **query: Any) -> Steps:
        return ask_json(Send("GET", f"{API}{path}", query=query), self._patience)

    def _post(self, path: str, body: Any, *, makes: bool = False, harmless: bool = False) -> Steps:
        """Ask for something to be done; what makes something carries a key, so that it may be sent again."""
        headers = {"Idempotency-Key": secrets.token_hex(16)} if makes else {}
        wish = Send("POST", f"{API}{path}", body, headers=headers)
        return ask_json(wish, self._patience, repeatable=makes or harmless)

    def _pages(self, path: str, query: Mapping[str, Any]) -> Steps:
        """Give the items of a list, page after page."""
        after: str | None = None
        while True:
            page = yield from self._get(path, **{"limit": PAGE, **query, "after": after})
            for item in page["items"]:
                yield Give(item)
            after = page["next"]
            if after is None:
                return


def returns(operation: Operation) -> Operation:
    """Make a method of a description whose result the caller gets, or awaits."""

    @wraps(operation)
    def method(self: Noun, *given: Any, **named: Any) -> Any:
        return self._driver.run(operation(self, *given, **named))

    return method  # type: ignore[return-value]


def gives(operation: Operation) -> Operation:
    """Make a method of a description over whose items the caller iterates."""

    @wraps(operation)
    def method(self: Noun, *given: Any, **named: Any) -> Any:
        return self._driver.iterate(operation(self, *given, **named))

    return method  # type: ignore[return-value]
