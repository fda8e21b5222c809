"""The keeper of a core: starts the heavy process beside the server, and starts it again when it dies."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from engram import files
from engram.proc import birth
from engram.security.network_addresses import is_loopback
from engram.security.tls import caller_credentials, core_credentials

LOOPBACK = "127.0.0.1"
BEAT_SECONDS = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A core that has lived this long was well; the next one is started without waiting.
WELL_SECONDS = 60.0


class Keeper:
    """Keeps a home's core while the block lasts: the one that a killed server left, or a new one, and ends it then.

    host: where a new one listens, off the loopback over mutual TLS only; None leaves the home without a core, for a
    server on a machine that only answers.
    """

    def __init__(self, home: Path, host: str | None = LOOPBACK) -> None:
        self._home, self._host, self._keep, self._ended = home, host or "", host is not None, threading.Event()
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)

    def __enter__(self) -> Keeper:
        if self._keep:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._keep:
            self._thread.join()

    def _work(self) -> None:
        said = self._living() or self._start()
        pause, waited = FIRST_PAUSE, 0.0
        while not self._ended.wait(BEAT_SECONDS):
            waited += BEAT_SECONDS
            if _lives(said):
                pause = FIRST_PAUSE if waited >= WELL_SECONDS else pause
                continue
            logging.getLogger(__name__).warning("The core has ended; another one is started.")
            if self._ended.wait(pause):
                return
            pause, waited = min(2 * pause, LONGEST_PAUSE), 0.0
            said = self._living() or self._start()
        if _lives(said):
            os.kill(said["pid"], signal.SIGTERM)
        while _lives(said):
            threading.Event().wait(0.05)

    def _living(self) -> dict[str, Any]:
        """Return the pid and birth of the core that runs in this home, empty when there is none."""
        note = self._home / "core.json"
        said: dict[str, Any] = files.read_json(note) if note.exists() else {}
        return said if said and _lives(said) else {}

    def _start(self) -> dict[str, Any]:
        log = self._home / "logs" / "core.out"  # what it prints when it can't even begin; its own log is core.log
        log.parent.mkdir(parents=True, exist_ok=True)
        if not is_loopback(self._host):
            # Made here and before core starts, so that only one process ever makes the home's authority.
            core_credentials(self._home / "keys", self._home / "tls", time.time, [self._host])
            caller_credentials(self._home / "keys", self._home / "tls", time.time)
        command = [sys.executable, "-m", "engram.core.main", "--host", self._host]
        environment = {**os.environ, "ENGRAM_HOME": str(self._home)}
        environment.pop(
            "ENGRAM_DATABASE_URL", None
        )  # the database, and the password in its URL, are the server's alone
        with log.open("ab") as out:
            # Its own session, so that a Ctrl-C on the terminal reaches the server alone, which ends the core last.
            core = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        threading.Thread(target=core.wait, name="core", daemon=True).start()  # so that it is buried when it dies
        return {"pid": core.pid, "born": birth(core.pid)}


def _lives(said: dict[str, Any]) -> bool:
    return bool(said["born"]) and birth(int(said["pid"])) == said["born"]
