"""An attempt's side of its talk with the server: what it says is spooled in its journal, so that nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from engram.client.api import Api
from engram.errors import ServerAway, StaleEpoch, Throttled
from engram.pipeline import control
from engram.pipeline.folder import RunFolder
from engram.pipeline.journal import Follower
from engram.schema.codec import to_dict
from engram.schema.event import Event

MOST_EVENTS = 500
BEAT_SECONDS = 1.0


@dataclass(frozen=True)
class Link:
    """Where an attempt talks to: its own address at the server, under its own epoch."""

    api: Api
    run: str
    attempt: int
    epoch: int

    def ask(self, what: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server for something of this attempt; asking again does no harm."""
        path = f"/api/v1/runs/{self.run}/attempts/{self.attempt}/{what}"
        return self.api.call("POST", path, {"epoch": self.epoch, **(body or {})}, repeatable=True)

    # The authority of a run's story (`pipeline.authority`) is the server:

    def declare(self) -> None:
        """Let the server enter in the ledger what will be judged."""
        self.ask("declare")

    def judged(self, stage: str) -> None:
        """Let the server check a verdict; raises what it tells: Refused, NeedsReview."""
        self.ask("judged", {"stage": stage})

    def publish(self) -> tuple[str, dict[str, float]]:
        """Let the server publish what was exported."""
        said = self.ask("publish")
        return str(said["artifact"]), dict(said["metrics"])


class Reporter:
    """Sends what the journal says while the attempt works, and hands on what the server wants.

    It reads the journal file itself, from its beginning: what was sent before is acknowledged again and stored once. A
    server that is away is asked again at the next beat, and the attempt works on.
    """

    def __init__(self, link: Link, folder: RunFolder, on_stale: Callable[[], None]) -> None:
        self._link, self._folder, self._on_stale = link, folder, on_stale
        self._follower = Follower(folder.attempt(link.attempt) / "journal.jsonl")
        self._waiting: list[Event] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="reporter", daemon=True)
        self.stale = False

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def finish(self) -> bool:
        """Stop reporting and send what is left; False when the server did not take it, which the journal keeps."""
        self._ended.set()
        self._thread.join()
        return self._send_all()

    def _work(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._send_all()

    def _send_all(self) -> bool:
        """Send what is there, at least an empty message: it renews the lease and brings the command."""
        self._waiting.extend(self._follower.read())
        first = True
        while first or self._waiting:
            first = False
            batch = list(islice(self._waiting, MOST_EVENTS))
            try:
                said = self._link.ask("events", {"events": [to_dict(event) for event in batch]})
            except (ServerAway, Throttled):
                return False  # the journal keeps it for the next beat
            except StaleEpoch:
                if not self.stale:
                    self.stale = True
                    self._on_stale()
                return False
            del self._waiting[: len(batch)]
            if said["command"] != "none":
                control.send(self._folder.control, said["command"])
        return True
