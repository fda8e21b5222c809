"""R14: from `engram up` to a page that is served and a core that answers, warm, against 3 seconds."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import race
from race import Contestant, Lap

PAGE, READY, MOST_SECONDS, PATIENCE = "page", "ready", 3.0, 120.0


def measure(home: str) -> None:
    """Start a server in a home that has been used, and time its page and its readiness; then end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, "-m", "engram.cli.main", "up", "--port", str(port)]
    # As on a user's machine: what the first start compiled is kept.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    server = subprocess.Popen(command, env={**kept, "ENGRAM_HOME": home}, stderr=subprocess.DEVNULL)
    try:
        page = waited(f"http://127.0.0.1:{port}/", began)
        ready = waited(f"http://127.0.0.1:{port}/readyz", began)
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(PATIENCE)
    if code:
        raise race.RaceFailed(f"The server ended with {code}.")
    race.report_result(wall_s=page, cpu_s=0.0, page_s=page, ready_s=ready)


def waited(url: str, began: float) -> float:
    """Return the seconds until an address answers with 200."""
    while time.perf_counter() - began < PATIENCE:
        try:
            with urllib.request.urlopen(url) as answer:
                answer.read()
                return time.perf_counter() - began
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
    raise race.RaceFailed(f"{url} did not answer within {PATIENCE:.0f} s.")


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="two rounds, to see that it works")
    options.add_argument("--contestant", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.contestant:
        measure(json.loads(given.contestant)["home"])
        return
    with tempfile.TemporaryDirectory() as home:
        one = Contestant("engram up", (sys.executable, __file__, "--contestant", json.dumps({"home": home})))
        laps = race.run([one], 2 if given.quick else race.ROUNDS, warm_ups=1)
    finish(laps[one.name], quick=given.quick)


def finish(laps: list[Lap], *, quick: bool) -> None:
    """Print and write what was found."""
    found = {name: race.spread(lap.result[f"{name}_s"] for lap in laps) for name in (PAGE, READY)}
    race.finish(
        "r14_start",
        {"engram up": laps},
        packages=("engram", "fastapi", "uvicorn", "grpcio"),
        threads=1,
        quick=quick,
        extra={},
        lines=[
            *(f"{name}: {one} s" for name, one in found.items()),
            race.goal(f"a served page in {MOST_SECONDS:.0f} s", found[PAGE].median <= MOST_SECONDS),
        ],
        ratio_line=f"the page is there after {found[PAGE].median / MOST_SECONDS:.2f} x of {MOST_SECONDS:.0f} s",
        seconds={name: one.median for name, one in found.items()},
    )


if __name__ == "__main__":
    race.start(main)
