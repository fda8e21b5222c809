"""The process of a server: holds the home, answers the API, and keeps the scheduler."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvicorn

from engram import files
from engram.artifacts.store import recover
from engram.files import home_lock
from engram.pipeline.run import open_ledger
from engram.security.entrance import make_entrance
from engram.security.limits import make_limits
from engram.security.password_change import make_first_admin
from engram.security.passwords import Passwords
from engram.security.signing_keys import load_or_create_signing_keys
from engram.security.tokens import TokenIssuer
from engram.server.app import create_app
from engram.server.bindings import StoredFamilies, StoredUsers, record_in
from engram.server.core_link import CoreLink
from engram.server.datasets import adopt as adopt_datasets
from engram.server.platform import Platform
from engram.server.scheduler import Scheduler
from engram.server.templates import adopt as adopt_templates
from engram.server.uploads import sweep_all
from engram.settings import Settings
from engram.store.home import open_home
from engram.store.ids import new_id

AUDIENCE = "engram-api"


@contextmanager
def open_platform(settings: Settings, base_url: str) -> Iterator[tuple[Platform, str | None]]:
    """Open a home as its server; yields the platform and, at the very first start, the Admin's password.

    Raises HomeBusy when another process owns the home.
    """
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    with home_lock(home, "the server"):
        recover(home / "artifacts")
        db = open_home(home, settings.database_url)
        try:
            families, passwords = StoredFamilies(db), Passwords()
            issuer = TokenIssuer(
                load_or_create_signing_keys(home / "keys"), base_url, AUDIENCE, time.time, families.is_revoked
            )
            users = StoredUsers(db)
            entrance = make_entrance(users, families, passwords, issuer, partial(record_in, db))
            core = CoreLink(home)
            platform = Platform(
                home=home,
                db=db,
                ledger=open_ledger(home),
                core=core,
                base_url=base_url,
                entrance=entrance,
                limits=make_limits(),
                clock=time.time,
                threads=settings.threads,
            )
            password = make_first_admin(users, passwords, new_id("u"))
            sweep_all(platform)
            adopt_datasets(platform)
            adopt_templates(platform)
            yield platform, password
            core.close()
        finally:
            db.close()


def serve(settings: Settings, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until a signal asks to end; attempts go on and are found again."""
    base_url = f"http://{host}:{port}"
    with open_platform(settings, base_url) as (platform, password):
        if password:
            say(f"First login   admin / {password}  (shown once; it must be changed)")
        scheduler = Scheduler(platform)
        note = address_file(settings.home)
        files.write_json(note, {"url": base_url})
        scheduler.start()
        try:
            _Server(
                uvicorn.Config(create_app(platform), host=host, port=port, log_level="warning", server_header=False)
            ).run()
        finally:
            scheduler.stop()
            note.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """A server that ends in peace: the library would raise the signal again, and nothing behind it would be closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT ask for the end."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def address_file(home: Path) -> Path:
    """Return the file in which a home's server says where it listens."""
    return home / "server.json"
