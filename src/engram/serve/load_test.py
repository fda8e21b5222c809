"""A load of requests from several clients at once, and what it showed."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Load:
    """What a load showed. latencies: milliseconds of each answered request."""

    latencies: tuple[float, ...]
    errors: int
    seconds: float

    @property
    def requests(self) -> int:
        """Answered and failed requests."""
        return len(self.latencies) + self.errors

    def percentile(self, percent: float) -> float | None:
        """Return a latency percentile in milliseconds (nearest rank), None when nothing was answered.

        >>> Load((1.0, 2.0, 3.0, 4.0), 0, 1.0).percentile(95)
        4.0
        """
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        rank = -(-percent * len(ordered) // 100)
        return ordered[max(0, int(rank) - 1)]


def run_load(
    ask: Callable[[Any], Any],
    requests: Sequence[Any],
    concurrency: int,
    seconds: float,
    on_progress: Callable[[int, int], None] | None = None,
) -> Load:
    """Ask from `concurrency` clients, each one request after the other, until the time is up.

    Every client asks at least once. The first answer, which warms the model up, is not counted.
    """
    ask(requests[0])
    latencies: list[float] = []
    errors = itertools.count()
    begin = time.perf_counter()
    until = begin + seconds

    def client(number: int) -> None:
        for index in itertools.count(number, concurrency):
            started = time.perf_counter()
            try:
                ask(requests[index % len(requests)])
                latencies.append(1000.0 * (time.perf_counter() - started))
            except Exception:
                next(errors)
            now = time.perf_counter()
            if number == 0 and on_progress is not None:
                on_progress(min(int(1000 * (now - begin)), int(1000 * seconds)), int(1000 * seconds))
            if now >= until:
                return

    clients = [threading.Thread(target=client, args=(number,)) for number in range(concurrency)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    return Load(tuple(latencies), next(errors), time.perf_counter() - begin)
