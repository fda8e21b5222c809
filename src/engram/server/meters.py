"""What is counted while a server works, for Prometheus: a registry of its own, and labels that can't grow for ever.

Labels hold operation ids, states and the names of deployments, never a user's name or a text of hers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER, NO_OPERATION = "other", "none"
MOST_DEPLOYMENTS = 200
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


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

    def _bounded(self, deployment: str) -> str:
        """Return the label of a deployment; beyond a number of them all others share one."""
        if deployment not in self._deployments:
            if len(self._deployments) >= MOST_DEPLOYMENTS:
                return OTHER
            self._deployments.add(deployment)
        return deployment
