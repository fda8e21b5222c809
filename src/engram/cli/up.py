"""`engram up`, `down` and `status`: server and core of a home."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engram.cli import output

if TYPE_CHECKING:
    from engram.server.listening import Listening

HOST, PORT = "127.0.0.1", 3000
POLL_SECONDS = 0.05


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the server listens.")] = PORT,
    force: Annotated[bool, typer.Option("--force", help="Take the next free port when this one is taken.")] = False,
    sample: Annotated[bool, typer.Option("--sample", help="Start a sample run on the first start of a home.")] = False,
    core: Annotated[bool, typer.Option("--core/--no-core", help="Whether to keep a core beside the server.")] = True,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen at; off the loopback with TLS only.")
    ] = HOST,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS, with a certificate of this home's.")] = False,
    certificate: Annotated[
        Path | None, typer.Option("--cert", help="Speak TLS with this certificate and its chain (PEM).")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The certificate's private key (PEM, mode 0600).")] = None,
    core_host: Annotated[
        str, typer.Option("--core-host", help="Where core listens; off the loopback it speaks mutual TLS.")
    ] = HOST,
    seal: Annotated[bool, typer.Option("--seal", help="Seal this home's artifacts on the disk, from now on.")] = False,
) -> int:
    """Start server and core, and keep them in front until Ctrl-C."""
    from engram.errors import UsageError
    from engram.lazy import need
    from engram.settings import load_settings

    for name in ("fastapi", "uvicorn", "sqlalchemy", "grpc"):
        need(name, extra="server", why="to run the server")
    settings = load_settings()
    if (running := server_of(settings.home)) and not settings.database_url:
        raise UsageError(f"A server of this home runs at {running['url']}.", remedy="`engram down` ends it.")
    gc.disable()  # what is made at a start stays: looking through it again and again takes a fifth of the start
    try:
        from engram.server.listening import check_door, listen_at
        from engram.server.main import serve

        check_door(host, tls=tls, certificate=certificate, key=key)
        say = partial(typer.echo, err=True)

        def at() -> Listening:
            taken = free_port(port, force, host)
            return listen_at(settings.home, host, taken, time.time, tls=tls, certificate=certificate, key=key)

        serve(settings, at, say, sample=sample, core=core_host if core else None, seal=seal)
    finally:
        gc.enable()
    return 0


def down() -> int:
    """End the server of this home and its core; what trains stops at a checkpoint."""
    from engram.proc import birth
    from engram.settings import load_settings

    home = load_settings().home
    running = server_of(home)
    if not running:
        output.say("No server of this home is running.")
        return 0
    os.kill(running["pid"], signal.SIGTERM)
    while birth(running["pid"]) == running["born"]:
        time.sleep(POLL_SECONDS)
    output.say(f"The server at {running['url']} has ended.")
    return 0


def status() -> int:
    """Say whether a server of this home runs, and what it lacks."""
    from engram.client.api import Api
    from engram.errors import ServerAway
    from engram.settings import load_settings

    home = load_settings().home
    running = server_of(home)
    said: dict[str, Any] = {"home": str(home), "url": running.get("url", ""), "state": "stopped", "problems": {}}
    if running:
        try:
            with Api(running["url"], "") as api:
                found = api.call("GET", "/readyz", accept=(503,))
            said |= {"state": found["status"], "problems": found["problems"]}
        except ServerAway as error:
            said |= {"state": "silent", "problems": {"server": error.message}}
    lines = [f"Home    {said['home']}", f"Server  {said['url'] or 'none'}  {said['state']}".rstrip()]
    lines += [f"        {name}: {what}" for name, what in said["problems"].items()]
    output.emit(said, *lines)
    return 0 if said["state"] in ("ready", "stopped") else 1


def server_of(home: Path) -> Mapping[str, Any]:
    """Return what a home's living server says of itself: `url`, `pid`, `born`; empty when none runs."""
    from engram.files import read_json
    from engram.proc import birth

    note = home / "server.json"
    said: dict[str, Any] = read_json(note) if note.exists() else {}
    return said if said and birth(int(said["pid"])) == said["born"] else {}


def free_port(port: int, force: bool, host: str = HOST) -> int:
    """Return the port to listen at: the one that was asked for, or with `force` the next free one.

    Raises UsageError when it is taken, or the address is not this machine's; who holds the port is left alone.
    """
    import errno
    import socket

    from engram.errors import UsageError

    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise UsageError(f"There is no address {host!r}: {error}.", remedy="Name one of this machine.") from None
    for candidate in range(port, min(port + 100, 65536)) if force else (port,):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((place[0], candidate))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise UsageError(f"{host} is no address of this machine.", remedy="Name one of its own.") from None
                continue
            return candidate
    raise UsageError(f"Port {port} is taken.", remedy="--force takes the next free one; --port names another.")
