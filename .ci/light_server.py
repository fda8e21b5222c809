"""A server on a machine without torch: it starts, answers, says that it has no core, and ends.

Run with the path of an installed `engram`. The second start is the one whose time is told: the first writes bytecode.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SECONDS = 60.0


def main() -> int:
    """Start it twice."""
    with tempfile.TemporaryDirectory() as home:
        for _ in range(2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            began = time.monotonic()
            command = [sys.argv[1], "up", "--no-core", "--port", str(port)]
            server = subprocess.Popen(command, env={**os.environ, "ENGRAM_HOME": home}, stderr=subprocess.DEVNULL)
            try:
                answered = ask(f"http://127.0.0.1:{port}/healthz", began)
                seconds = time.monotonic() - began
                ready = ask(f"http://127.0.0.1:{port}/readyz", began)
            finally:
                server.terminate()
                ended = server.wait(timeout=60)
    print(f"light install: the server answers {answered['status']!r} after {seconds:.1f} s; core: {ready['problems']}")
    return 0 if (answered["status"], sorted(ready["problems"]), ended) == ("ok", ["core"], 0) else 1


def ask(url: str, began: float) -> dict[str, object]:
    """Ask until there is an answer, and return it."""
    while True:
        try:
            with urllib.request.urlopen(url) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except OSError:
            if time.monotonic() - began > SECONDS:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
