"""What a server holds while it runs: the home, its database and ledger, the link to its core, and who may come in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engram.artifacts.home_keys import HomeKeys
from engram.ledger.log import Ledger
from engram.pipeline.authority import Home
from engram.pipeline.folder import RunFolder
from engram.security.api_keys import make_attempt_key
from engram.security.entrance import Entrance
from engram.security.fetch import Fetcher
from engram.security.limits import Limits, with_budgets
from engram.security.policy import CustomRole
from engram.server.bindings import StoredKeys, custom_roles_of
from engram.server.bulletin import Bulletin, Turn
from engram.server.core_link import CoreLink
from engram.server.kept import Kept
from engram.server.meters import Meters
from engram.server.pending import PendingInMemory
from engram.server.settings_table import budgets_of, row_of
from engram.server.waiting import Standing
from engram.store.database import Database
from engram.store.records import settings

LEDGER = frozenset({"ledger"})


@dataclass
class Platform:
    """Everything that a request may need; made once, at the server's start.

    base_url: where attempts reach this server. wake: tells the scheduler that something has changed.
    draining: set when the server is about to end; preempted: the runs that were asked to stop because of it.
    writing: the ledger has one writer at a time. clock: seconds since 1970. standing: what the scheduler saw last.
    simulating: one load test at a time, so that they don't measure each other.
    bulletin: says what has changed, once it is kept. meters: what is counted for those who watch the server.
    tasks: kind and task of the artifacts that were asked.
    fetcher: how far the server itself asks others, as providers of sign-ins. roles, settings: what Admins change while
    it runs, effective at once.
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
    standing: Standing = field(default_factory=Standing)
    simulating: threading.Lock = field(default_factory=threading.Lock)
    wake: threading.Event = field(default_factory=threading.Event)
    draining: threading.Event = field(default_factory=threading.Event)
    preempted: set[str] = field(default_factory=set)
    bulletin: Bulletin = field(default_factory=Bulletin)
    meters: Meters = field(default_factory=Meters)
    fetcher: Fetcher = field(default_factory=Fetcher)
    pending: PendingInMemory = field(default_factory=PendingInMemory)
    tasks: dict[str, tuple[str, str]] = field(default_factory=dict)
    writing: Turn = field(init=False)

    def __post_init__(self) -> None:
        """Let every write of the database and every turn at the ledger be told; read what the home has set before."""
        self.writing = Turn(lambda: self.bulletin.ring(LEDGER))
        self.db.after_write.append(self.bulletin.ring)
        self.roles: Kept[Mapping[str, CustomRole]] = Kept(lambda: custom_roles_of(self.db))
        self.settings: Kept[Mapping[str, Any]] = Kept(self._read_settings)
        self.settings_changed()

    def setting(self, name: str) -> Any:
        """Return a setting's value, its default where nobody has set it; raises UnknownName for another name."""
        row = row_of(name)
        return self.settings.get().get(name, row.default)

    def settings_changed(self) -> None:
        """Let what was set count from now on, the budgets too."""
        self.settings.forget()
        self.limits = with_budgets(self.limits, budgets_of(self.settings.get()))

    def _read_settings(self) -> Mapping[str, Any]:
        with self.db.read() as tx:
            found = {one.name: one.value for one in settings.list_settings(tx)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

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
