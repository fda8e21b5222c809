"""A server and its core, started by the command that a person types, and the calls that a person would make."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import new_home
from support.home import Home

from engram.client.api import Api

PASSWORD = "a long enough one 7"
PATIENCE = 240.0
LOOK_SECONDS = 0.25  # between two looks at a run: each costs the server time that the run could use


def rest() -> None:
    """Leave the CPU for a moment to what is waited for: a loop that asks without a pause slows it down."""
    time.sleep(0.05)


class Served:
    """A running server. `key` is the first Admin's API key, made after she signed in and changed her password.

    options: more for `engram up`; with ``--tls`` its certificate must be trusted already.
    """

    def __init__(self, home: Home, port: int, *options: str) -> None:
        self.home, self.port, self.key, self.token, self.options = home, port, "", "", options
        self.url = f"{'https' if '--tls' in options else 'http'}://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = home.folder / "server.log"
        self._asking: tuple[str, Api] | None = None

    def start(self, crashpoint: str = "") -> None:
        """Start server and core, and wait until both answer, unless the server is to die at a named point."""
        command = [sys.executable, "-m", "engram.cli.main", "up", "--port", str(self.port), *self.options]
        environment = self.home.env({"ENGRAM_CRASHPOINT": crashpoint})
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=self.home.folder, stdout=log, stderr=log)
        if not crashpoint:
            with Api(self.url, "", patience=PATIENCE) as api:
                api.call("GET", "/readyz")

    def died(self) -> bool:
        """Wait until the server has ended, and tell whether it was killed."""
        assert self.process
        return self.process.wait() == -signal.SIGKILL

    def first_password(self) -> str:
        """Return the Admin's password as the terminal showed it."""
        while not (shown := re.search(r"admin / (\S+)", self.log.read_text())):  # said soon after it is ready
            assert self.process and self.process.poll() is None, self.log.read_text()
            rest()
        return shown[1]

    def sign_in(self) -> None:
        """Sign in with the password that was shown, change it, and make a key."""
        for old, new in ((self.first_password(), PASSWORD), (PASSWORD, "")):
            with Api(self.url, "") as api:
                self.token = api.call("POST", "/api/v1/sessions", {"name": "admin", "password": old})["access_token"]
            if new:
                with Api(self.url, self.token) as api:
                    api.call("POST", "/api/v1/users/me/password", {"old": old, "new": new})
        self.key = self.make_key("tests", "*")["key"]

    def sign_in_again(self, password: str) -> None:
        """Sign in as the Admin whose password has been changed already, and make a key."""
        with Api(self.url, "") as api:
            self.token = api.call("POST", "/api/v1/sessions", {"name": "admin", "password": password})["access_token"]
        self.key = self.make_key("tests", "*")["key"]

    def make_key(self, name: str, *scopes: str) -> Any:
        """Make an API key, as only somebody who is signed in may."""
        with Api(self.url, self.token) as api:
            return api.call("POST", "/api/v1/keys", {"name": name, "scopes": list(scopes)})

    def call(self, method: str, path: str, body: Any = None, *, root: str = "/api/v1", **more: Any) -> Any:
        """Call the API with the Admin's key; a server that is away is waited for."""
        if method == "GET":  # tests ask again and again, and one connection serves
            return self._asker().call(method, f"{root}{path}", body, **more)
        with Api(self.url, self.key, patience=PATIENCE) as api:
            return api.call(method, f"{root}{path}", body, **more)

    def call_in_person(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as the Admin who signed in last: what no key may do."""
        with Api(self.url, self.token, patience=PATIENCE) as api:
            return api.call(method, f"/api/v1{path}", body)

    def _asker(self) -> Api:
        if self._asking is None or self._asking[0] != self.key:
            self.hang_up()
            self._asking = (self.key, Api(self.url, self.key, patience=PATIENCE))
        return self._asking[1]

    def hang_up(self) -> None:
        """Close the connection that asks."""
        if self._asking:
            self._asking[1].__exit__(None, None, None)
            self._asking = None

    def hear(self, run: str, heard: Callable[[dict[str, Any]], bool], alive: Callable[[], None]) -> None:
        """Read a run's events as they come until one is what is waited for; alive: asked while nothing new is said."""
        after = 0
        while True:
            page = self.call("GET", f"/runs/{run}/events", query={"after": after})["items"]
            if any(map(heard, page)):
                return
            if page:
                after = page[-1]["cursor"]
            else:
                alive()
                rest()

    def events(self, run: str) -> list[dict[str, Any]]:
        """Return every stored event of a run, in the order of their cursors."""
        found: list[dict[str, Any]] = []
        while page := self.call("GET", f"/runs/{run}/events", query={"after": found[-1]["cursor"] if found else 0})[
            "items"
        ]:
            found += page
        return found

    def wait(self, run: str, *states: str) -> dict[str, Any]:
        """Ask until a run is in one of the states."""
        while (found := self.call("GET", f"/runs/{run}"))["state"] not in states:
            assert found["state"] in ("queued", "running", "lost_contact", "preempted"), found
            time.sleep(LOOK_SECONDS)
        return found

    def kill(self) -> None:
        """End the server at once, as the system would."""
        assert self.process
        self.hang_up()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask the server to end; it ends its core too."""
        assert self.process
        self.hang_up()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)


@contextmanager
def served(home: Home, *options: str, signed_in: bool = True, known: bool = False) -> Iterator[Served]:
    """Serve a home while the block lasts; signed_in: change the first password and make a key.

    known: begin with a home in which that has been done, for tests of what comes after it.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = Served(home, port, *options)
    if known:
        one.key = new_home.known(home.home, PASSWORD)
    one.start()
    try:
        if signed_in and not known:
            one.sign_in()
        yield one
    finally:
        one.stop()


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of living processes that name a folder, or have it as their home."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            said = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in said and int(path.name) != os.getpid():
            found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
