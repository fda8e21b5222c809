"""The process of a core, ``python -m engram.core.main [--host ADDRESS]``; `core.json` of its home says where it is."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from engram import files
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import sweep
from engram.core.models import Models
from engram.core.service import LOOPBACK, serve
from engram.proc import birth
from engram.security.logs import fields, logging_to
from engram.security.network_addresses import is_loopback
from engram.security.tls import MutualCredentials, core_credentials
from engram.serve.load import open_artifact
from engram.settings import load_settings

GRACE_SECONDS = 10.0
LOG = logging.getLogger("engram.core")


def main() -> None:
    """Serve until a signal asks to end; attempts go on, and the next core finds them."""
    settings, host = load_settings(), _host(sys.argv[1:])
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    with logging_to(settings.home / "logs" / "core.log"):
        sweep()
        keys = HomeKeys(settings.home)
        models = Models(settings.home / "artifacts", open_artifact, keys=keys, batch=settings.max_batch)
        server, port = serve(settings.home, models, host=host, credentials=_credentials(settings.home, host))
        note = address_file(settings.home)
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        mine = {"address": place, "tls": not is_loopback(host), "pid": os.getpid(), "born": birth(os.getpid())}
        files.write_json(note, mine)
        LOG.info("the core is up", extra=fields(**mine))
        ended.wait()
        server.stop(GRACE_SECONDS).wait()
        models.close()
        if note.exists() and files.read_json(note) == mine:
            note.unlink()
        LOG.info("the core has ended")


def address_file(home: Path) -> Path:
    """Return the file in which a home's core says where it listens."""
    return home / "core.json"


def _host(arguments: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="engram.core.main")
    parser.add_argument("--host", default=LOOPBACK)
    return str(parser.parse_args(arguments).host)


def _credentials(home: Path, host: str) -> MutualCredentials | None:
    return None if is_loopback(host) else core_credentials(home / "keys", home / "tls", time.time, [host])


if __name__ == "__main__":
    main()
