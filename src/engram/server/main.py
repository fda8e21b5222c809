"""The process of a server: holds the home, answers the API, and keeps the scheduler."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from engram import __version__, files
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.store import recover
from engram.client.trust import trusted_file
from engram.errors import EngramError, PlatformError
from engram.pipeline.run import open_ledger
from engram.proc import birth
from engram.security.at_rest import seal_home
from engram.security.entrance import make_entrance
from engram.security.limits import make_limits
from engram.security.logs import fields, logging_to
from engram.security.password_change import make_first_admin
from engram.security.passwords import Passwords
from engram.security.signing_keys import load_or_create_signing_keys
from engram.security.tokens import TokenIssuer
from engram.server.active import active
from engram.server.app import create_app
from engram.server.auditing import record_in
from engram.server.bindings import StoredFamilies, StoredUsers
from engram.server.cli_key import keep_cli_key
from engram.server.core_link import CoreLink
from engram.server.datasets import adopt as adopt_datasets
from engram.server.drain import drain
from engram.server.keeper import LOOPBACK, Keeper
from engram.server.listening import Listening, make_config
from engram.server.platform import Platform
from engram.server.sample import queue_sample
from engram.server.scheduler import Scheduler
from engram.server.templates import adopt as adopt_templates
from engram.server.uploads import sweep_all
from engram.settings import Settings
from engram.store.home import open_home
from engram.store.ids import new_id

AUDIENCE = "engram-api"
CORE_SECONDS, POLL_SECONDS = 60.0, 0.1
LOG = logging.getLogger(__name__)


@contextmanager
def open_platform(
    settings: Settings,
    base_url: str | Callable[[], str],
    say: Callable[[str], None] = lambda text: None,
    ended: threading.Event | None = None,
    *,
    seal: bool = False,
) -> Iterator[tuple[Platform, str | None]]:
    """Open a home as its server; yields the platform and, at the very first start, the Admin's password.

    base_url: where the server is reached, or what finds it out once this is the active server. seal: let the home seal
    its artifacts from now on.

    Raises HomeBusy when another process owns the home.
    """
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    opened = open_home(home, settings.database_url)
    try:
        with active(home, opened, say, ended or threading.Event()) as db:
            recover(home / "artifacts", HomeKeys(home))
            if seal and (sealed := seal_home(home)):
                say(f"{sealed} artifacts and datasets were sealed.")
            url = base_url if isinstance(base_url, str) else base_url()
            families, passwords = StoredFamilies(db), Passwords()
            issuer = TokenIssuer(
                load_or_create_signing_keys(home / "keys"), url, AUDIENCE, time.time, families.is_revoked
            )
            users = StoredUsers(db)
            entrance = make_entrance(users, families, passwords, issuer, partial(record_in, db))
            core = CoreLink(home)
            platform = Platform(
                home=home,
                db=db,
                ledger=open_ledger(home),
                core=core,
                base_url=url,
                entrance=entrance,
                limits=make_limits(),
                clock=time.time,
                threads=settings.threads,
            )
            sweep_all(platform)
            password = make_first_admin(users, passwords, new_id("u"))
            _adopt(platform)
            yield platform, password
            core.close()
    finally:
        opened.close()


def serve(
    settings: Settings,
    at: Callable[[], Listening],
    say: Callable[[str], None],
    *,
    sample: bool = False,
    core: str | None = LOOPBACK,
    seal: bool = False,
) -> None:
    """Serve until a signal asks to end; what trains on this machine stops at a checkpoint first.

    at: finds where to listen, once this is the active server. sample: whether the very first start of a home queues a
    run of the sample recipe. core: where the core beside the server listens; None keeps none. seal: let the home seal
    its artifacts from now on.
    """
    ended, doors = threading.Event(), list[Listening]()

    def base_url() -> str:
        doors.append(at())
        return doors[-1].base_url

    terminal = sys.stderr if sys.stderr.isatty() else None
    with _signals(lambda number, frame: ended.set()), logging_to(log_file(settings.home), terminal):
        opened = open_platform(settings, base_url, say, ended, seal=seal)
        with opened as (platform, password), Keeper(settings.home, core):
            app = create_app(platform)
            if password and sample:
                queue_sample(platform)
            keep_cli_key(platform)
            scheduler = Scheduler(platform)
            note = address_file(settings.home)
            files.write_json(note, {"url": platform.base_url, "pid": os.getpid(), "born": birth(os.getpid())})
            scheduler.start()
            LOG.info("the server is up", extra=fields(url=platform.base_url, version=__version__))
            config = make_config(app, doors[-1])
            server = _Server(config, platform, say, partial(_welcome, platform, say, password, sample, core), ended)
            try:
                server.run()
            finally:
                scheduler.stop()
                note.unlink(missing_ok=True)


def _adopt(platform: Platform) -> None:
    """Give what was made in this home without a server to its first Admin.

    A file that can't be read is told and left: nobody loses a server, or a first password, for it.
    """
    for adopt in (adopt_datasets, adopt_templates):
        try:
            adopt(platform)
        except (EngramError, OSError, ValueError, LookupError, TypeError) as error:
            logging.getLogger(__name__).warning("What was made without a server is left alone: %s", error)


@contextmanager
def _signals(handler: Callable[[int, Any], object]) -> Iterator[None]:
    """Let a handler answer SIGTERM and SIGINT while the block lasts."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


class _Server(uvicorn.Server):
    """A server that ends in peace: the library would raise the signal again, and nothing behind it would be closed."""

    def __init__(
        self,
        config: uvicorn.Config,
        platform: Platform,
        say: Callable[[str], None],
        on_start: Callable[[], None],
        ended: threading.Event,
    ) -> None:
        super().__init__(config)
        self._platform, self._say, self._on_start, self._ended = platform, say, on_start, ended
        self._hurry = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; once the server answers, somebody may be told so."""
        await super().startup(sockets)
        gc.freeze()  # nor is it looked through later; who started us let no collection run meanwhile
        gc.enable()
        if self.started:
            threading.Thread(target=self._on_start, name="welcome", daemon=True).start()
            threading.Thread(target=self._wait_for_the_end, name="end", daemon=True).start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT ask for the end: the first time in peace, the second time at once."""
        with _signals(self.ask_to_end):
            yield

    def ask_to_end(self, number: int, frame: object) -> None:
        """Begin to end, or hurry when it has begun."""
        (self._hurry if self._ended.is_set() else self._ended).set()

    def _wait_for_the_end(self) -> None:
        """End when it is asked for; also when the lease is lost, and then what trains here is the other server's."""
        self._ended.wait()
        try:
            with self._platform.db.write():
                pass  # raises when another server has taken over
            drain(self._platform, self._say, self._hurry)
        except PlatformError as error:
            self._say(str(error))
        finally:
            self.should_exit = True


def _welcome(
    platform: Platform, say: Callable[[str], None], password: str | None, sample: bool, core: str | None
) -> None:
    """Say where the server is and how to come in, once its core answers too."""
    url = platform.base_url.replace("http://127.0.0.1:", "http://localhost:")
    missing = wait_for_core(platform) if core is not None else "none was asked for."
    say(f"Engram is ready at {url}" if not missing else f"Engram is at {url}")
    if platform.tls:
        say(f"Clients elsewhere trust it with ENGRAM_CA set to a copy of {trusted_file(platform.home)}")
    if missing:
        say(f"There is no core yet, so nothing trains or answers: {missing}")
    if password:
        say(f"First login    admin / {password}   (shown this once; it must be changed)")
        if sample:
            say("A sample run has been started: it trains, judges and certifies a small model in a few minutes.")
    say("Ctrl-C ends it; what trains stops at a checkpoint and goes on at the next start.")


def wait_for_core(platform: Platform) -> str:
    """Wait until the core answers, and return an empty string, or what is wrong when it does not within a minute."""
    until, said = time.monotonic() + CORE_SECONDS, ""
    while time.monotonic() < until and not platform.draining.is_set():
        try:
            platform.core.health()
            return ""
        except EngramError as error:
            said = error.message
        time.sleep(POLL_SECONDS)
    return said


def log_file(home: Path) -> Path:
    """Return the file to which a home's server logs."""
    return home / "logs" / "server.log"


def address_file(home: Path) -> Path:
    """Return the file in which a home's server says where it listens."""
    return home / "server.json"
