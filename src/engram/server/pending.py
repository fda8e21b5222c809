"""Sign-ins that wait for their browser to come back from a provider; a server that restarts forgets them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from engram.security.oauth import Pending

MOST = 10_000


class PendingInMemory:
    """Keeps a bounded number of them; with too many, the oldest must begin again."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: OrderedDict[str, Pending] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, pending: Pending) -> None:
        """Remember a sign-in that has begun."""
        with self._lock:
            self._waiting[pending.state_digest] = pending
            while len(self._waiting) > self._most:
                self._waiting.popitem(last=False)

    def take(self, state_digest: str) -> Pending | None:
        """Return and forget it in one step, so that a state is good once."""
        with self._lock:
            return self._waiting.pop(state_digest, None)
