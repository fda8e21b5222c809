"""What a person does first, on a clean clone: ./start.sh, the sample run, its certificate, its deployment, and stop.

Run by the environment's own Python: ``.venv/bin/python .ci/start.py``. Exits with 1 and the server's words when
something doesn't hold.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engram.client.api import Api
from engram.errors import EngramError, ServerAway

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 900.0
PASSWORD = "a first password of 7 words"


def main() -> int:
    """Go through it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # as if another program had the port
        taken.listen()
        home, log = Path(folder) / "home", Path(folder) / "start.log"
        environment = {**os.environ, "ENGRAM_HOME": str(home)}
        command = [str(ROOT / "start.sh"), "--force", "--port", str(taken.getsockname()[1])]
        began = time.monotonic()
        with log.open("wb") as out:
            started = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder)
        try:
            url = said(log, r"Engram is ready at (\S+)", started)
            print(f"start: ready at {url} after {time.monotonic() - began:.1f} s, beside a taken port")
            use(url, said(log, r"admin / (\S+)", started), home, environment)
        except (EngramError, AssertionError):
            print(log.read_text())
            raise
        finally:
            stopped = subprocess.run([str(ROOT / "start.sh"), "stop"], env=environment, check=False)
            started.wait(timeout=120)
        left = living(str(home))
        if stopped.returncode or left:
            print(f"stop: exit {stopped.returncode}; left: {left}")
            return 1
        print("start: stopped, and no process is left")
        return 0


def use(url: str, password: str, home: Path, environment: dict[str, str]) -> None:
    """Sign in, wait for the sample run, verify its certificate offline, deploy it and ask it something."""
    token = sign_in(url, password)
    with Api(url, token) as api:
        api.call("POST", "/api/v1/users/me/password", {"old": password, "new": PASSWORD})
    with Api(url, sign_in(url, PASSWORD), patience=60.0) as api:
        (run,) = api.call("GET", "/api/v1/runs")["items"]
        while run["flag"] == "In Progress":
            time.sleep(1)
            run = api.call("GET", f"/api/v1/runs/{run['id']}")
        assert run["state"] == "published", run
        print(f"start: {run['recipe']} is published: {run['metrics']}")
        folder = home / "artifacts" / run["artifact"].removeprefix("sha256:")
        engram = Path(sys.executable).with_name("engram")
        offline = {**environment, "ENGRAM_HOME": str(home / "nothing-here")}
        key = str(home / "keys" / "ledger.pub")
        subprocess.run([str(engram), "verify", str(folder), "--key", key], env=offline, check=True)
        api.call("POST", "/api/v1/deployments", {"name": "sample", "artifact": run["artifact"]})
        question = {"inputs": ["The parcel still hasn't come."]}
        (answer,) = api.call("POST", "/api/v1/deployments/sample/predict", question)["answers"]
        print(f"start: its deployment answers {answer['label']}")


def sign_in(url: str, password: str) -> str:
    """Return an access token."""
    with Api(url, "") as api:
        return str(api.call("POST", "/api/v1/sessions", {"name": "admin", "password": password})["access_token"])


def said(log: Path, pattern: str, process: subprocess.Popen[Any]) -> str:
    """Wait until the log says something, and return it."""
    until = time.monotonic() + SECONDS
    while not (found := re.search(pattern, log.read_text())):
        if process.poll() is not None or time.monotonic() > until:
            raise ServerAway(f"start.sh ended, or did not say {pattern!r}.")
        time.sleep(0.2)
    return found[1]


def living(home: str) -> list[str]:
    """Return the command lines of living processes that have a folder as their home."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"ENGRAM_HOME={home}\0".encode() in path.read_bytes():
                found.append(path.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
