"""The server of a home and what belongs to it: is it there, and ending it. Only processes that are ours are ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher import running

# A server gives what trains 30 s to stop, and needs a moment for itself.
SERVER_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A living process of the platform that wrote down where it listens."""

    process: int
    url: str


def server(home: Path) -> Server | None:
    """Return the home's server, if one lives."""
    return _noted(home / "server.json", "url")


def core(home: Path) -> Server | None:
    """Return the home's core, if one lives."""
    return _noted(home / "core.json", "address")


def attempts(home: Path) -> list[int]:
    """Return the living processes of attempts that a server's core has started."""
    notes = [running.read(path) for path in home.glob("runs/*/attempt-*/process.json")]
    pids = [int(pid) for said in notes if (pid := str(said.get("pid", ""))).isdigit()]
    return [pid for pid in pids if running.is_ours(pid)]


def is_there(home: Path) -> bool:
    """Tell whether a server of the home runs, or anything that one has left behind."""
    return bool(server(home) or core(home) or attempts(home))


def _noted(path: Path, key: str) -> Server | None:
    said = running.read(path)
    pid = str(said.get("pid", ""))
    return Server(int(pid), str(said.get(key, ""))) if pid.isdigit() and running.is_ours(int(pid)) else None


def stop(
    home: Path,
    say: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
    end: Callable[[int], None] = lambda pid: os.kill(pid, signal.SIGTERM),
) -> int:
    """End the home's server in peace: what trains stops at a checkpoint; then what a killed server has left behind.

    Returns 0 when nothing of them is left, 1 otherwise.
    """
    found = server(home)
    if found:
        say(f"Ending the server at {found.url}; what trains stops at a checkpoint first.")
        end(found.process)
        _wait(lambda: server(home) is None, SERVER_SECONDS, clock, pause)
    for pid in [*attempts(home), *([left.process] if (left := core(home)) else [])]:
        say(f"Ending process {pid}, which a server has left behind.")
        end(pid)
    gone = _wait(lambda: not is_there(home), running.STOP_SECONDS, clock, pause)
    if found and gone:
        say("The server has ended.")
    if not gone:
        say("Something of the server is still running; end it yourself. See: status")
    return 0 if gone else 1


def _wait(done: Callable[[], bool], seconds: float, clock: Callable[[], float], pause: Callable[[float], None]) -> bool:
    deadline = clock() + seconds
    while not (ended := done()) and clock() < deadline:
        pause(running.POLL_SECONDS)
    return ended
