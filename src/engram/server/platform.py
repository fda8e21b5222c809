"""What a server holds while it runs: the home, its database and ledger, the link to its core, and who may come in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engram.ledger.log import Ledger
from engram.pipeline.authority import Home
from engram.pipeline.folder import RunFolder
from engram.security.api_keys import make_attempt_key
from engram.security.at_rest import HomeKeys
from engram.security.entrance import Entrance
from engram.security.limits import Limits
from engram.server.bindings import StoredKeys
from engram.server.core_link import CoreLink
from engram.store.database import Database


@dataclass
class Platform:
    """Everything that a request may need; made once, at the server's start.

    base_url: where attempts reach this server. wake: tells the scheduler that something has changed.
    draining: set when the server is about to end; preempted: the runs that were asked to stop because of it.
    writing: the ledger has one writer at a time. clock: seconds since 1970.
    """

    home: Path
    db: Database
    ledger: Ledger
    core: CoreLink
    base_url: str
    entrance: Entrance
    limits: Limits
    clock: Callable[[], float]
    threads: int = 1
    wake: threading.Event = field(default_factory=threading.Event)
    writing: threading.Lock = field(default_factory=threading.Lock)
    draining: threading.Event = field(default_factory=threading.Event)
    preempted: set[str] = field(default_factory=set)

    @property
    def tls(self) -> bool:
        """Tell whether the server is reached over TLS only, so that cookies may be kept to it."""
        return self.base_url.startswith("https:")

    @property
    def keys(self) -> StoredKeys:
        """Return where keys are kept."""
        return StoredKeys(self.db)

    def make_key(self, owner: str, run: str, epoch: int) -> str:
        """Make the key of an attempt and return it."""
        return make_attempt_key(self.keys, owner, run, epoch, self.clock).text

    def folder(self, run: str) -> RunFolder:
        """Return the folder of a run."""
        return RunFolder(self.home / "runs" / run)

    def authority(self, run: str) -> Home:
        """Return who declares, judges and publishes for a run; hold `writing` while it does."""
        return Home(self.folder(run), self.home, self.ledger, HomeKeys(self.home))
