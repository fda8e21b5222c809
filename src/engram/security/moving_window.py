"""A storage for the `limits` library that asks a monotonic clock and keeps a bounded number of keys.

The library's own memory storage asks the wall clock, which may step back an hour and lock everybody out for as long,
starts a thread per clean-up, and keeps whatever keys a stranger invents.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from limits.storage import MovingWindowSupport, Storage

MAX_KEYS = 100_000


class MovingWindows(Storage, MovingWindowSupport):
    """Entries per key, newest last; when there are too many keys, the one that was used longest ago is forgotten."""

    STORAGE_SCHEME = None  # made by its class, never by a URI

    def __init__(self, clock: Callable[[], float], *, max_keys: int = MAX_KEYS) -> None:
        super().__init__()
        self._clock, self._max_keys = clock, max_keys
        self._entries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what the storage may raise of its own."""
        return ValueError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Add entries if the window has room for them; tell whether it had."""
        with self._lock:
            entries = self._live(key, expiry)
            if len(entries) + amount > limit:
                return False
            entries.extend([self._clock()] * amount)
            self._entries[key] = entries
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_keys:
                self._entries.popitem(last=False)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest entry of the window was made, and how many there are."""
        with self._lock:
            entries = self._live(key, expiry)
            return (entries[0] if entries else self._clock()), len(entries)

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._entries.pop(key, None)

    def reset(self) -> int | None:
        """Forget every key; return how many there were."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            return count

    def check(self) -> bool:
        """Tell that the memory is there."""
        return True

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Refuse fixed windows: this storage has moving ones only."""
        raise NotImplementedError("moving windows only")

    def get(self, key: str) -> int:
        """Refuse fixed windows: this storage has moving ones only."""
        raise NotImplementedError("moving windows only")

    def get_expiry(self, key: str) -> float:
        """Refuse fixed windows: this storage has moving ones only."""
        raise NotImplementedError("moving windows only")

    def _live(self, key: str, expiry: int) -> deque[float]:
        entries = self._entries.get(key, deque())
        oldest = self._clock() - expiry
        while entries and entries[0] <= oldest:
            entries.popleft()
        return entries
