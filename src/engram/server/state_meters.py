"""What Prometheus is told of the state of a house: asked of database, ledger, core and process when it is collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engram.errors import EngramError
from engram.schema.state import STATES
from engram.server.platform import Platform
from engram.store.records import attempts, events, runs


class StateMeters(Collector):
    """Reads the state of a platform at each collection."""

    def __init__(self, here: Platform) -> None:
        self._here, self._process = here, psutil.Process()

    def collect(self) -> Iterable[Metric]:
        """Yield the families; those of a part that doesn't answer are left out, and its `up` is 0."""
        yield from self._database()
        yield from self._core()
        yield from self._process_itself()
        note = self._here.ledger.checkpoint
        yield _gauge("engram_ledger_entries", "Entries that the newest checkpoint covers.", size_of(note))

    def _database(self) -> Iterator[Metric]:
        try:
            with self._here.db.read() as tx:
                states, active, newest = runs.count_runs(tx), len(attempts.active(tx)), events.newest(tx)
        except EngramError:
            yield _gauge("engram_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("engram_database_up", "Whether the database answers.", 1)
        family = GaugeMetricFamily("engram_runs", "Runs by state.", labels=["state"])
        for state in STATES:
            family.add_metric([state], states.get(state, 0))
        yield family
        yield _gauge("engram_queue_length", "Runs that wait for a slot.", states.get("queued", 0))
        yield _gauge("engram_attempts_active", "Attempts that work now, or should.", active)
        yield CounterMetricFamily("engram_events_ingested", "Events that were ever stored.", newest)

    def _core(self) -> Iterator[Metric]:
        try:
            self._here.core.health()
        except EngramError:
            yield _gauge("engram_core_up", "Whether the core answers.", 0)
            return
        yield _gauge("engram_core_up", "Whether the core answers.", 1)

    def _process_itself(self) -> Iterator[Metric]:
        with self._process.oneshot():
            times, memory = self._process.cpu_times(), self._process.memory_info()
            started = self._process.create_time()
        yield CounterMetricFamily("process_cpu_seconds", "CPU time of the server.", times.user + times.system)
        yield _gauge("process_resident_memory_bytes", "Resident memory of the server.", memory.rss)
        yield _gauge("process_start_time_seconds", "When the server started, since 1970.", started)


def size_of(checkpoint: bytes) -> int:
    """Return how many entries a checkpoint covers: the second line of the signed note; 0 before there is one.

    >>> size_of(b"engram\\n12\\nroot\\n")
    12
    """
    lines = checkpoint.split(b"\n")
    return int(lines[1]) if len(lines) > 1 else 0


def watch_state(here: Platform, registry: CollectorRegistry) -> None:
    """Let a registry tell the state of a platform too."""
    registry.register(StateMeters(here))


def _gauge(name: str, said: str, value: Any) -> Metric:
    return GaugeMetricFamily(name, said, value)
