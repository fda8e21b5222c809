"""Attempts as processes of this machine, each in its own session, so that they outlive the core that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from engram import files
from engram.proc import birth, crashpoint, kill_group

POLL_SECONDS = 0.01
COMMAND = (sys.executable, "-m", "engram.cli.main", "trainer")


@dataclass(frozen=True)
class Order:
    """What an attempt is told: which run, attempt and epoch, where its server is, and how much it may use.

    key: the attempt's own API key; it travels by the environment and never on a command line.
    """

    run: str
    attempt: int
    epoch: int
    base_url: str
    key: str
    threads: int
    workers: int = 1


@dataclass(frozen=True)
class Process:
    """A living attempt. born: when its process began, so that a later one with the same number is not taken for it."""

    run: str
    attempt: int
    epoch: int
    pid: int
    born: str


def start(order: Order, home: Path) -> Process:
    """Start an attempt on this machine and leave a note of it in its folder, by which any later core finds it."""
    folder = _folder(home, order.run, order.attempt)
    folder.mkdir(parents=True, exist_ok=True)
    command = [*COMMAND, "--base_url", order.base_url, "--run", order.run]
    command += ["--attempt", str(order.attempt), "--epoch", str(order.epoch), "--workers", str(order.workers)]
    environment = {
        **os.environ,
        "ENGRAM_HOME": str(home),
        "ENGRAM_API_KEY": order.key,
        "ENGRAM_THREADS": str(order.threads),
        "PYTHONUNBUFFERED": "1",
    }
    with (folder / "attempt.log").open("ab") as log:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    # An ended process stays in the system's table until somebody asks how it ended.
    threading.Thread(target=child.wait, name=f"end of {order.run}", daemon=True).start()
    crashpoint("core.after-start")
    process = Process(order.run, order.attempt, order.epoch, child.pid, birth(child.pid))
    files.write_json(folder / "process.json", {"epoch": order.epoch, "pid": process.pid, "born": process.born})
    crashpoint("core.after-note")
    return process


def living(home: Path) -> list[Process]:
    """Return the attempts of a home that live on this machine, whoever started them."""
    found = []
    for note in sorted(home.glob("runs/r_*/attempt-*/process.json")):
        said = files.read_json(note)
        number = int(note.parent.name.removeprefix("attempt-"))
        process = Process(note.parent.parent.name, number, int(said["epoch"]), int(said["pid"]), str(said["born"]))
        if is_alive(process):
            found.append(process)
    return found


def is_alive(process: Process) -> bool:
    """Tell whether a process is still the one that was started."""
    return bool(process.born) and birth(process.pid) == process.born


def kill(process: Process) -> bool:
    """End an attempt and what it started, at once; False when it lived no more."""
    if not is_alive(process):
        return False
    kill_group(process.pid)
    while is_alive(process):  # the system takes a moment; a slot is free when the process is gone
        time.sleep(POLL_SECONDS)
    return True


def _folder(home: Path, run: str, attempt: int) -> Path:
    return home / "runs" / run / f"attempt-{attempt}"
