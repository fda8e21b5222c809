"""The bulletin: whoever waits hears which tables changed, once it is committed; what changed is in the database.

Nothing is lost when a ring is missed or comes twice: listeners read on from the number at which they stand.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

Listener = Callable[[frozenset[str]], None]


class Bulletin:
    """Tells listeners the names of changed tables, and `ledger`; for many threads. A listener must be short."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell a listener from now on; call what is returned to end that."""
        self._listeners = [*self._listeners, listener]
        return lambda: self._forget(listener)

    def ring(self, changed: frozenset[str]) -> None:
        """Say that something has changed; what a listener raises is logged, and never reaches whoever wrote."""
        for listener in self._listeners:
            try:
                listener(changed)
            except Exception:
                logging.getLogger(__name__).exception("a listener of the bulletin failed")

    def _forget(self, listener: Listener) -> None:
        self._listeners = [one for one in self._listeners if one is not listener]


class Turn:
    """A lock for a `with` block that says when a turn is over, whatever came of it."""

    def __init__(self, over: Callable[[], None]) -> None:
        self._lock, self._over = threading.Lock(), over

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        self._over()
