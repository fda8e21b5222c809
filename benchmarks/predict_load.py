"""What `r12_predict.py` measures: a real server and core, one deployment, and many clients with one text a request."""

from __future__ import annotations

import contextlib
import csv
import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import race

from engram.client.api import Api
from engram.files import read_json
from engram.samples import __file__ as samples

LEVELS = (1, 8, 32)
NAME, PATIENCE, PASSWORD = "tickets", 600.0, "a long enough one 7"
UNBOUNDED = "100000000/minute"


@dataclass(frozen=True)
class Plan:
    """One contestant. seconds: of each level; batch: the most requests of one pass."""

    home: str
    seconds: float
    filters: bool
    batch: int


@contextlib.contextmanager
def serving(plan: Plan, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve a home by `engram up`; yield the process and its URL once server and core answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"ENGRAM_HOME": plan.home, "ENGRAM_MAX_BATCH": str(plan.batch), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "engram.cli.main", "up", "--port", str(port), *options]
    url = f"http://127.0.0.1:{port}"
    with Path(f"{plan.home}.log").open("ab") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
    try:
        with Api(url, "", patience=PATIENCE) as api:
            api.call("GET", "/readyz")
        yield server, url
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE)


def fill(plan: Plan) -> None:
    """Let a new home train its sample, deploy it, and keep a key that no budget stops."""
    with serving(plan, "--sample") as (_, url):
        shown = re.search(r"admin / (\S+)", Path(f"{plan.home}.log").read_text())
        if not shown:
            raise race.RaceFailed("The server showed no first password.")
        with Api(url, "") as api:
            first = api.call("POST", "/api/v1/sessions", {"name": "admin", "password": shown[1]})["access_token"]
        with Api(url, first) as api:
            api.call("POST", "/api/v1/users/me/password", {"old": shown[1], "new": PASSWORD})
        with Api(url, "") as api:
            token = api.call("POST", "/api/v1/sessions", {"name": "admin", "password": PASSWORD})["access_token"]
        with Api(url, token) as api:
            key = api.call("POST", "/api/v1/keys", {"name": "load", "scopes": ["*"]})["key"]
        with Api(url, key, patience=PATIENCE) as api:
            run = published(api)
            api.call("PUT", "/api/v1/settings/limits.per_user", {"value": UNBOUNDED})
            api.call("PUT", "/api/v1/settings/limits.per_operation", {"value": {"deployments.predict": UNBOUNDED}})
            asked = {"name": NAME, "artifact": run["artifact"]}
            api.call("POST", "/api/v1/deployments", asked, query={"simulate": "advisory"})
        Path(f"{plan.home}.key").write_text(key)


def published(api: Api) -> Any:
    """Wait for the sample run and return it."""
    while (run := api.call("GET", "/api/v1/runs")["items"][0])["state"] in ("queued", "running"):
        time.sleep(1.0)
    if run["state"] != "published":
        raise race.RaceFailed(f"The sample run is {run['state']}: {run['reason']}")
    return run


def measure(plan: Plan) -> Mapping[str, Any]:
    """Ask at every level; return milliseconds of each request, the labels, and the CPU seconds of server and core."""
    key = Path(f"{plan.home}.key").read_text()
    with serving(plan) as (server, url):
        with Api(url, key) as api:
            now = api.call("GET", "/api/v1/filters")
            kept = {name: now[name] for name in ("rules", "classifier", "version")}
            on = ["requests", "responses"] if plan.filters else []
            api.call("PUT", "/api/v1/filters", {**kept, "on": on})
            for _ in range(20):
                api.call("POST", f"/api/v1/deployments/{NAME}/predict", {"inputs": ["warm"]})
        core = psutil.Process(int(read_json(Path(plan.home) / "core.json")["pid"]))
        processes = {"server": psutil.Process(server.pid), "core": core}
        before = {name: _cpu(one) for name, one in processes.items()}
        asked = json.dumps({"url": url, "key": key, "seconds": plan.seconds})
        clients = subprocess.run(
            [sys.executable, __file__, "clients"], input=asked, stdout=subprocess.PIPE, text=True, check=False
        )
        if clients.returncode:
            raise race.RaceFailed(f"The clients ended with {clients.returncode}.")
        used = {name: _cpu(one) - before[name] for name, one in processes.items()}
        return {**json.loads(clients.stdout), "cpu": used}


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def texts() -> list[str]:
    """Return the texts of the sample, each once."""
    with Path(samples).with_name("support_tickets.csv").open(newline="") as file:
        return list(dict.fromkeys(row["text"] for row in csv.DictReader(file)))


@dataclass
class Found:
    """What the clients of one level share. labels: of every text so far; failed: why they stop."""

    labels: dict[str, str]
    ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def ask_in_turn(url: str, key: str, texts: Sequence[str], until: float, found: Found) -> None:
    """Ask one text after the other over one connection."""
    link = http.client.HTTPConnection(url.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for text in itertools.cycle(texts):
        if time.perf_counter() >= until or found.failed:
            return
        began = time.perf_counter()
        link.request("POST", f"/api/v1/deployments/{NAME}/predict", json.dumps({"inputs": [text]}), headers)
        answer = link.getresponse()
        content = answer.read()
        found.ms.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            found.failed.append(f"{answer.status}: {content[:300]!r}")
            return
        label = json.loads(content)["answers"][0]["label"]
        if found.labels.setdefault(text, label) != label:
            found.failed.append(f"{text!r} got {label} and {found.labels[text]}")


def clients(url: str, key: str, seconds: float) -> dict[str, Any]:
    """Ask the same texts at every level, each client another share of them over a connection of its own."""
    known, labels, levels = texts(), dict[str, str](), {}
    for level in LEVELS:
        found, began = Found(labels), time.perf_counter()
        threads = [
            threading.Thread(target=ask_in_turn, args=(url, key, known[number::level], began + seconds, found))
            for number in range(level)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if found.failed:
            raise race.RaceFailed(f"NOT EQUAL: {found.failed[0]}")
        levels[str(level)] = {"ms": found.ms, "seconds": time.perf_counter() - began}
    return {"levels": levels, "labels": labels}


if __name__ == "__main__":
    if sys.argv[1] == "clients":
        print(json.dumps(clients(**json.loads(sys.stdin.read()))))
    else:
        plan = Plan(**json.loads(sys.argv[2]))
        if sys.argv[1] == "fill":
            fill(plan)
        else:
            began = time.perf_counter()
            found = measure(plan)
            cpu = sum(found["cpu"].values())
            race.report_result(wall_s=time.perf_counter() - began, cpu_s=cpu, **found)
