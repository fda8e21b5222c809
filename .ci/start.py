"""What a person does first, on a clean clone: ./start.sh, every line of docs/server.md, and stop.

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

from guide import script

from engram.errors import EngramError, ServerAway, UserError

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 900.0


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
        except (EngramError, subprocess.CalledProcessError):
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
    """Do what the guide says, line by line; then verify the sample's certificate where no server and no home is."""
    began = time.monotonic()
    command = ["bash", "-euo", "pipefail", "-c", script()]
    with tempfile.TemporaryDirectory() as folder:
        answers = f"{password}\na first password of 7 words\n".encode()
        done = subprocess.run(command, input=answers, env={**os.environ, "URL": url}, cwd=folder, check=False)
        if done.returncode:
            raise UserError(f"A line of docs/server.md fails with {done.returncode}.")
    print(f"\nstart: every line of docs/server.md, in {time.monotonic() - began:.0f} s")
    (artifact,) = [path for path in (home / "artifacts").iterdir() if re.fullmatch("[0-9a-f]{64}", path.name)]
    engram = Path(sys.executable).with_name("engram")
    key = str(home / "keys" / "ledger.pub")
    offline = {**environment, "ENGRAM_HOME": str(home / "nothing-here")}
    subprocess.run([str(engram), "verify", str(artifact), "--key", key], env=offline, check=True)


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
