"""A server on a machine without torch and Node: it starts, answers, shows its pages, has no core and says so, and ends.

Run with the path of an installed `engram`. The second start is the one whose time is told: the first writes bytecode.
"""

from __future__ import annotations

import gzip
import json
import os
import re
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
                shown = pages(f"http://127.0.0.1:{port}")
            finally:
                server.terminate()
                ended = server.wait(timeout=60)
    print(f"light install: the server answers {answered['status']!r} after {seconds:.1f} s; core: {ready['problems']}")
    print(f"light install: {shown or 'the pages and the scripts that they load are served'}")
    return 0 if (answered["status"], sorted(ready["problems"]), shown, ended) == ("ok", ["core"], "", 0) else 1


def pages(url: str) -> str:
    """Load the pages as a browser does; return what is wrong with them, or an empty string."""
    with urllib.request.urlopen(f"{url}/runs") as answer:
        index = answer.read().decode()
    wanted = re.findall(r'(?:src|href)="(/assets/[^"]+)"', index)
    if 'id="root"' not in index or not any(path.endswith(".js") for path in wanted):
        return "the page at /runs is not that of the application"
    for path in wanted:
        asked = urllib.request.Request(f"{url}{path}", headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(asked) as answer:
            body, said = answer.read(), answer.headers
        kept = path in ("/assets/theme.js", "/assets/icon.svg") or "immutable" in said["Cache-Control"]
        plain = gzip.decompress(body) if said["Content-Encoding"] == "gzip" else body
        if not plain or not kept:
            return f"{path} is empty, or a browser may not keep it"
    return ""


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
