"""The end of a server: what trains on its machine stops at a checkpoint, and goes on when it is started again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from engram import files
from engram.errors import EngramError
from engram.server.platform import Platform
from engram.store.records import attempts, runs
from engram.store.records.attempts import Attempt

GRACE_SECONDS = 30.0
POLL_SECONDS = 0.1
STOPPED = "the platform was stopped; it goes on when the platform is started again"


def command_of(here: Platform, run: str, *, of_host: bool = True) -> str:
    """Return what is wanted of a run's attempt: what a person asked for, or to pause while the server ends.

    of_host: False for a trainer's, which works on somewhere else while this server is away.
    """
    control = here.folder(run).control
    asked = str(files.read_json(control)["command"]) if control.exists() else "none"
    if asked == "none" and of_host and here.draining.is_set():
        here.preempted.add(run)
        return "pause"
    return asked


def drain(here: Platform, say: Callable[[str], None], hurry: threading.Event, seconds: float = GRACE_SECONDS) -> None:
    """Let every attempt of this machine stop at a checkpoint; the server answers meanwhile, so that they can say so.

    hurry: set by who doesn't want to wait. What has not stopped by then, or within `seconds`, is ended; its run is
    preempted too and goes on from its last checkpoint. A process that has said its last word is waited for as well, so
    that none is left behind.
    """
    here.draining.set()
    working, living = _processes(here)
    if working:
        named = ", ".join(one.run for one in working)
        say(f"Waiting for {named} to stop at a checkpoint (Ctrl-C again ends it at once) …")
    until = time.monotonic() + seconds
    while living and time.monotonic() < until and not hurry.wait(POLL_SECONDS):
        working, living = _processes(here)
    for one in working:
        _end(here, one)
    for run, attempt in living - {(one.run, one.attempt) for one in working}:
        here.core.kill(run, attempt)


def _processes(here: Platform) -> tuple[list[Attempt], set[tuple[str, int]]]:
    """Return the attempts at work whose processes the core knows, and run and attempt of all its processes."""
    try:
        living = {(one.run, one.attempt) for one in here.core.status().living}
    except EngramError:
        return [], set()  # without its core nothing here can be reached; its attempts are adopted by the next one
    with here.db.read() as tx:
        return [one for one in attempts.active(tx) if (one.run, one.attempt) in living], living


def _end(here: Platform, one: Attempt) -> None:
    here.core.kill(one.run, one.attempt)
    with here.db.write() as tx:
        if attempts.get_attempt(tx, one.run, one.attempt).state != "active":
            return  # it has said its last word in the meantime
        attempts.change_attempt(tx, one.run, one.attempt, state="lost")
        if runs.get_run(tx, one.run).state == "running":
            runs.step_run(tx, one.run, "preempted", reason=STOPPED)
