"""What is read at every request and changes seldom: kept for a second, and forgotten at once by whoever changes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
SECONDS = 1.0


class Kept(Generic[T]):
    """A value and how to read it; threads may share it. clock: seconds, monotonic."""

    def __init__(self, load: Callable[[], T], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._load, self._clock = load, clock
        self._lock = threading.Lock()
        self._turn = 0
        self._found: tuple[float, T] | None = None

    def get(self) -> T:
        """Return the value as it was at most a second ago."""
        with self._lock:
            found, turn = self._found, self._turn
        if found is not None and self._counts(found):
            return found[1]
        read_at = self._clock()
        value = self._load()
        with self._lock:
            if turn == self._turn:  # else it changed while it was read, and the next one reads again
                self._found = (read_at, value)
        return value

    @property
    def is_fresh(self) -> bool:
        """Tell whether the value is there, so that asking for it now need not read."""
        with self._lock:
            return self._found is not None and self._counts(self._found)

    def _counts(self, found: tuple[float, T]) -> bool:
        return self._clock() - found[0] < SECONDS

    def forget(self) -> None:
        """Read it again at the next use: it has changed."""
        with self._lock:
            self._turn += 1
            self._found = None
