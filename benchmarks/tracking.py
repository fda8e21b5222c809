"""The contestants of `r11_tracking.py`: a server that takes in points of curves and lists runs, ours or MLflow's."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
import race
from listing import Plan as HomePlan
from listing import listening, opened

OURS, PEER = "engram", "mlflow"
PYTHON = "ENGRAM_BENCH_MLFLOW"
CURVES = ("loss", "accuracy", "learning_rate", "gradient_norm")
START_SECONDS, PAGE = 180.0, 50


@dataclass(frozen=True)
class Plan:
    """steps: of each of the four curves; batch: points in a request; runs: that are there; pages: asked for."""

    folder: str
    steps: int
    batch: int
    runs: int
    pages: int

    @property
    def points(self) -> int:
        """Return how many points are told in all."""
        return self.steps * len(CURVES)


def value_of(curve: str, step: int) -> float:
    """Return the value of a point, the same on both sides.

    >>> value_of("loss", 1)
    0.5
    """
    return (1 + CURVES.index(curve)) / (1 + step)


class Link:
    """One connection that is kept open, and what is asked over it."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Content-Type": "application/json", **headers}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON answer; raises RaceFailed for one that is no success."""
        self._http.request(method, path, None if body is None else json.dumps(body), self._headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise race.RaceFailed(f"{method} {path} answered {answer.status}: {content[:300]!r}")
        return json.loads(content) if content else None


class Side(Protocol):
    """What a contestant does with its server."""

    def fill(self, plan: Plan) -> None:
        """Make the runs."""

    def tell(self, points: list[tuple[str, int]]) -> None:
        """Tell some points of the one run."""

    def curve(self, name: str, plan: Plan) -> list[float]:
        """Return the stored values of a curve, in the order of its steps."""

    def page(self) -> int:
        """Ask for a page of runs and return how many there were."""


class Mlflow:
    """MLflow's tracking server, asked by its REST API."""

    def __init__(self, port: int, _: str) -> None:
        self._link, self._run = Link(port, {}), ""

    def fill(self, plan: Plan) -> None:
        """Make the runs."""
        for number in range(plan.runs):
            asked = {"experiment_id": "0", "start_time": 1_700_000_000_000 + number}
            self._run = self._link.ask("POST", "/api/2.0/mlflow/runs/create", asked)["run"]["info"]["run_id"]

    def tell(self, points: list[tuple[str, int]]) -> None:
        """Tell some points."""
        metrics = [
            {"key": name, "value": value_of(name, step), "timestamp": 1_700_000_000_000 + step, "step": step}
            for name, step in points
        ]
        self._link.ask("POST", "/api/2.0/mlflow/runs/log-batch", {"run_id": self._run, "metrics": metrics})

    def curve(self, name: str, plan: Plan) -> list[float]:
        """Return the values of a curve."""
        path = f"/api/2.0/mlflow/metrics/get-history?run_id={self._run}&metric_key={name}&max_results={plan.steps}"
        found = self._link.ask("GET", path)["metrics"]
        return [one["value"] for one in sorted(found, key=lambda one: int(one.get("step", 0)))]

    def page(self) -> int:
        """Ask for a page."""
        asked = {"experiment_ids": ["0"], "max_results": PAGE}
        return len(self._link.ask("POST", "/api/2.0/mlflow/runs/search", asked)["runs"])


class Engram:
    """Our server: an attempt's key tells events, an Admin's key reads."""

    def __init__(self, port: int, said: str) -> None:
        known = json.loads(said)
        self._run, self._seq = known["run"], 0
        self._attempt = Link(port, {"Authorization": f"Bearer {known['attempt']}"})
        self._admin = Link(port, {"Authorization": f"Bearer {known['admin']}"})

    def fill(self, plan: Plan) -> None:
        """Nothing: the server made the runs when it started."""

    def tell(self, points: list[tuple[str, int]]) -> None:
        """Tell some points, each as an event of its own."""
        events = [
            {
                "format": "engram.event/1", "run": self._run, "attempt": 1, "epoch": 1, "seq": self._seq + place,
                "time": "2026-01-01T00:00:00.000000Z", "stage": "train", "type": "metric",
                "body": {"step": step, name: value_of(name, step)},
            }
            for place, (name, step) in enumerate(points)
        ]  # fmt: skip
        self._seq += len(events)
        acked = self._attempt.ask(
            "POST", f"/api/v1/runs/{self._run}/attempts/1/events", {"epoch": 1, "events": events}
        )["acked"]
        if acked != self._seq - 1:
            raise race.RaceFailed(f"NOT EQUAL: {acked + 1} of {self._seq} events were taken in.")

    def curve(self, name: str, plan: Plan) -> list[float]:
        """Return the values of a curve."""
        path = f"/api/v1/runs/{self._run}/metrics?name={name}&max_points={plan.steps}"
        return [one["mean"] for one in self._admin.ask("GET", path)["series"][0]["points"]]

    def page(self) -> int:
        """Ask for a page."""
        return len(self._admin.ask("GET", f"/api/v1/runs?limit={PAGE}")["items"])


SIDES: dict[str, Callable[[int, str], Side]] = {OURS: Engram, PEER: Mlflow}


def serve(plan: Plan) -> None:
    """Be our server until standard input ends; says port and keys on the first line of standard output."""
    from engram.security.api_keys import make_api_key
    from engram.store.records import attempts, runs, users

    with opened(HomePlan(f"{plan.folder}/home", 0, 0, 0, 0)) as here:
        with here.db.write() as tx:
            admin = users.create_user(tx, name="root", role="admin").id
            whose = {"recipe": "toy", "owner": admin, "kind": "language", "task": "classify"}
            made = [runs.create_run(tx, **whose, body={"name": "toy"}).id for _ in range(plan.runs)]
            attempts.start_attempt(tx, made[-1], runner="local", seconds=3600)
        key = make_api_key(here.keys, admin, "race", ["*"], time.time).text
        said = {"run": made[-1], "attempt": here.make_key(admin, made[-1], 1), "admin": key}
        with listening(here) as port:
            print(json.dumps({"port": port, "said": json.dumps(said)}), flush=True)
            sys.stdin.read()
    os._exit(0)  # threads of a library may linger


@contextlib.contextmanager
def served(side: str, plan: Plan) -> Iterator[tuple[psutil.Process, int, str]]:
    """Start a contestant's server, and yield its process, port and what its client must know."""
    if side == OURS:
        command = [sys.executable, __file__, "serve", json.dumps(plan.__dict__)]
    else:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        store = f"sqlite:///{plan.folder}/mlflow.db"
        command = [os.environ[PYTHON], "-m", "mlflow", "server", "--backend-store-uri", store, "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--default-artifact-root", f"{plan.folder}/artifacts"]
    log = Path(plan.folder) / f"{side}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        if side == OURS:
            known = json.loads(process.stdout.readline()) if process.stdout else {}
            yield psutil.Process(process.pid), known["port"], known["said"]
        else:
            _wait(port, process, log)
            yield psutil.Process(process.pid), port, ""
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.terminate()
        process.wait()


def _wait(port: int, process: subprocess.Popen[str], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as link:
                link.request("GET", "/health")
                if link.getresponse().status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise race.RaceFailed(f"The peer's server did not start:\n{log.read_text()[-2000:]}")


def cpu_of(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and of its living children."""
    family = [process, *process.children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in family)


def measure(side: str, plan: Plan) -> dict[str, Any]:
    """Tell all points, read them back, and ask for pages; return seconds of the server's CPU and of the wall."""
    with served(side, plan) as (process, port, said):
        client = SIDES[side](port, said)
        client.fill(plan)
        points = [(name, step) for step in range(plan.steps) for name in CURVES]
        client.tell(points[: plan.batch])  # the first request is not timed
        began, cpu = time.perf_counter(), cpu_of(process)
        for start in range(plan.batch, len(points), plan.batch):
            client.tell(points[start : start + plan.batch])
        ingest = {"wall": time.perf_counter() - began, "cpu": cpu_of(process) - cpu}
        curves = {name: client.curve(name, plan) for name in CURVES}
        client.page()
        began, cpu = time.perf_counter(), cpu_of(process)
        counted = [client.page() for _ in range(plan.pages)]
        listed = {"wall": time.perf_counter() - began, "cpu": cpu_of(process) - cpu}
    return {"ingest": ingest, "listed": listed, "page": counted, "curves": curves}


if __name__ == "__main__":
    asked = Plan(**json.loads(sys.argv[2]))
    if sys.argv[1] == "serve":
        serve(asked)
    else:
        found = measure(sys.argv[1], asked)
        race.report_result(cpu_s=found["ingest"]["cpu"], wall_s=found["ingest"]["wall"], **found)
