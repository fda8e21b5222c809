"""`engram up`: server and core in front, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from engram.cli import output

HOST, PORT = "127.0.0.1", 3000
POLL_SECONDS = 0.05


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the server listens.")] = PORT,
    force: Annotated[bool, typer.Option("--force", help="Take the next free port when this one is taken.")] = False,
) -> int:
    """Start server and core, and keep them in front until Ctrl-C."""
    from engram.lazy import need
    from engram.settings import load_settings

    for name in ("fastapi", "uvicorn", "sqlalchemy", "grpc"):
        need(name, extra="server", why="to run the server")
    settings, taken = load_settings(), free_port(port, force)
    from engram.server.main import serve

    with core_of(settings.home):
        output.say(f"Engram at http://{HOST}:{taken}  (Ctrl-C ends it; trainings go on and are found again)", "bold")
        serve(settings, HOST, taken, lambda text: typer.echo(text, err=True))
    return 0


@contextmanager
def core_of(home: Path) -> Iterator[None]:
    """Keep the home's core beside the server, the one that a killed server left or a new one; it ends with this."""
    from engram.files import read_json
    from engram.proc import birth

    note = home / "core.json"
    said = read_json(note) if note.exists() else {}
    if not said or birth(int(said["pid"])) != said["born"]:
        command = [sys.executable, "-m", "engram.core.main"]
        core = subprocess.Popen(command, env={**os.environ, "ENGRAM_HOME": str(home)}, start_new_session=True)
        said = {"pid": core.pid, "born": birth(core.pid)}
    try:
        yield
    finally:
        if birth(said["pid"]) == said["born"]:
            os.kill(said["pid"], signal.SIGTERM)
        while birth(said["pid"]) == said["born"]:
            time.sleep(POLL_SECONDS)


def free_port(port: int, force: bool) -> int:
    """Return the port to listen at: the one that was asked for, or with `force` the next free one.

    Raises UsageError when it is taken; the process that holds it is left alone.
    """
    import socket

    from engram.errors import UsageError

    for candidate in range(port, min(port + 100, 65536)) if force else (port,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            return candidate
    raise UsageError(f"Port {port} is taken.", remedy="--force takes the next free one; --port names another.")
