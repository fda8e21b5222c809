"""A server of this process on the loopback, without a core, and clients of its WebSocket."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from support.new_home import started
from websockets.sync.client import ClientConnection, connect

from engram.schema.event import Event
from engram.security.api_keys import make_api_key
from engram.server.app import create_app
from engram.server.live.protocol import OPTIONS
from engram.server.main import open_platform
from engram.server.platform import Platform
from engram.settings import load_settings
from engram.store.ingest import ingest
from engram.store.records import attempts, runs, users

ROLES = {"ann": "developer", "bob": "developer", "eve": "viewer", "root": "admin"}
PATIENCE = 30.0


class Loopback:
    """A running server. ids and keys: of its four users, by name; hub: of its live topics."""

    def __init__(self, platform: Platform, app: Any, port: int) -> None:
        self.platform, self.app, self.port, self.hub = platform, app, port, app.state.hub
        self.url, self.origin = f"ws://127.0.0.1:{port}/ws", f"http://127.0.0.1:{port}"
        with platform.db.write() as tx:
            self.ids = {name: users.create_user(tx, name=name, role=role).id for name, role in ROLES.items()}
        self.keys = {name: self.new_key(name) for name in ROLES}

    def new_key(self, name: str, *scopes: str, **more: Any) -> str:
        """Make an API key of a user; with every scope unless some are named."""
        return make_api_key(self.platform.keys, self.ids[name], "key", scopes or ["*"], time.time, **more).text

    def connect(self, name: str = "", **more: Any) -> ClientConnection:
        """Open a WebSocket with a user's key."""
        headers = {**({"Authorization": f"Bearer {self.keys[name]}"} if name else {}), **more.pop("headers", {})}
        more = {"compression": None, "open_timeout": PATIENCE, "ping_interval": None, "close_timeout": 1, **more}
        return connect(more.pop("url", self.url), additional_headers=headers, **more)

    def run(self, name: str = "ann") -> str:
        """Queue a run of a user and return its id."""
        with self.platform.db.write() as tx:
            made = runs.create_run(
                tx, recipe="toy", owner=self.ids[name], kind="language", task="classify", body={"name": "toy"}
            )
        return made.id

    def begin(self, run: str) -> Speaker:
        """Begin an attempt of a run and return what speaks for it."""
        with self.platform.db.write() as tx:
            begun = attempts.start_attempt(tx, run, runner="local", seconds=600)
            if runs.get_run(tx, run).state != "running":
                runs.step_run(tx, run, "running", stage="train")
        return Speaker(self.platform, run, begun.attempt, begun.epoch)


class Speaker:
    """Says events of one attempt, as an ingest stores them."""

    def __init__(self, platform: Platform, run: str, attempt: int, epoch: int) -> None:
        self._here, self.run, self.attempt, self.epoch, self.said = platform, run, attempt, epoch, 0

    def say(self, count: int = 1, kind: str = "note", **body: Any) -> None:
        """Store some more events in one transaction."""
        made = [
            Event(self.run, self.attempt, self.epoch, seq, "2026-01-01T00:00:00.000000Z", "train", kind, body)
            for seq in range(self.said, self.said + count)
        ]
        self.said += count
        with self._here.db.write() as tx:
            ingest(tx, self.run, self.attempt, self.epoch, made)


def ask(ws: ClientConnection, topic: str, since: int | None = None, kind: str = "subscribe") -> None:
    """Subscribe to a topic, or unsubscribe from it."""
    ws.send(json.dumps({"type": kind, "topic": topic, **({} if since is None else {"since_seq": since})}))


def messages(ws: ClientConnection) -> Iterator[dict[str, Any]]:
    """Yield the messages of a connection as they come; each frame is looked at."""
    while True:
        frame = ws.recv(timeout=PATIENCE)
        assert len(frame.encode()) <= 64 * 1024
        yield from json.loads(frame)["messages"]


def until(stream: Iterator[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """Return the messages up to the first one that has these values."""
    found = []
    for message in stream:
        found.append(message)
        if wanted.items() <= message.items():
            return found
    raise AssertionError("the stream ended")


@contextmanager
def loopback(home: Path) -> Iterator[Loopback]:
    """Serve a new home in a thread of this process while the block lasts."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)  # who connects before the server accepts waits
    port = listener.getsockname()[1]
    settings = load_settings({"ENGRAM_HOME": str(started(home))})
    with open_platform(settings, f"http://127.0.0.1:{port}") as (platform, _):
        app = create_app(platform)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, **OPTIONS))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield Loopback(platform, app, port)
        finally:
            server.should_exit = True
            thread.join(timeout=PATIENCE)
            listener.close()
