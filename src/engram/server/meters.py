"""What is counted while a server works, for Prometheus: a registry of its own, and labels that can't grow for ever.

Labels hold operation ids, states and the names of deployments, never a user's name or a text of hers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER, NO_OPERATION = "other", "none"
MOST_DEPLOYMENTS = 200
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Traffic:
    """Requests for predictions of one deployment. seconds: of all together.

    median, most: a bound, in seconds, under which half of the answers and 95 of 100 came; None where nothing was asked,
    or where the answers took longer than the longest bound.
    """

    requests: int
    inputs: int
    errors: int
    seconds: float
    median: float | None
    most: float | None


class Meters:
    """The meters of one server; for many threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "engram_requests", "Requests answered.", ["operation", "method", "status"], registry=self.registry
        )
        self._request_seconds = Histogram(
            "engram_request_seconds",
            "Seconds from a request to the last byte of its answer.",
            ["operation"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._predictions = Counter(
            "engram_predictions", "Requests for predictions.", ["deployment"], registry=self.registry
        )
        self._inputs = Counter(
            "engram_prediction_inputs",
            "Inputs that predictions were asked for.",
            ["deployment"],
            registry=self.registry,
        )
        self._errors = Counter(
            "engram_prediction_errors", "Predictions that ended in an error.", ["deployment"], registry=self.registry
        )
        self._prediction_seconds = Histogram(
            "engram_prediction_seconds",
            "Seconds from a request for predictions to its last answer.",
            ["deployment"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.websockets = Gauge("engram_websockets", "Open WebSockets.", registry=self.registry)
        self.frames = Counter("engram_websocket_frames", "Frames sent to WebSockets.", registry=self.registry)
        self.dropped = Counter(
            "engram_websockets_closed", "WebSockets that the server closed.", ["code"], registry=self.registry
        )
        self._deployments: set[str] = set()

    def request(self, operation: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. operation: of the policy; empty where no route was found."""
        operation = operation or NO_OPERATION
        self._requests.labels(operation, method if method in METHODS else OTHER, f"{status // 100}xx").inc()
        self._request_seconds.labels(operation).observe(seconds)

    @contextmanager
    def predicting(self, deployment: str, inputs: int) -> Iterator[None]:
        """Count one request for predictions and time it until the block ends."""
        name = self._bounded(deployment)
        self._predictions.labels(name).inc()
        self._inputs.labels(name).inc(inputs)
        began = perf_counter()
        try:
            yield
        except Exception:  # a reader that leaves in the middle is none
            self._errors.labels(name).inc()
            raise
        finally:
            self._prediction_seconds.labels(name).observe(perf_counter() - began)

    def traffic(self, deployment: str) -> Traffic:
        """Return what was asked of a deployment since the server started."""
        known, labels = deployment in self._deployments, {"deployment": deployment}

        def read(name: str, **more: str) -> float:
            found = self.registry.get_sample_value(f"engram_prediction{name}", {**labels, **more}) if known else None
            return found or 0.0

        within = [(bound, read("_seconds_bucket", le=str(bound))) for bound in SECONDS]
        count = read("_seconds_count")
        return Traffic(
            requests=int(read("s_total")),
            inputs=int(read("_inputs_total")),
            errors=int(read("_errors_total")),
            seconds=read("_seconds_sum"),
            median=_within(within, 0.5 * count),
            most=_within(within, 0.95 * count),
        )

    def _bounded(self, deployment: str) -> str:
        """Return the label of a deployment; beyond a number of them all others share one."""
        if deployment not in self._deployments:
            if len(self._deployments) >= MOST_DEPLOYMENTS:
                return OTHER
            self._deployments.add(deployment)
        return deployment


def _within(bounds: Sequence[tuple[float, float]], wanted: float) -> float | None:
    """Return the first bound under which so many lie.

    bounds: each with how many lie under it.
    """
    return next((bound for bound, count in bounds if wanted and count >= wanted), None)
