"""The process of a core: ``python -m engram.core.main``. It says where it listens in ``<home>/core.json``."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

from engram import files
from engram.core.models import Models
from engram.core.service import serve
from engram.proc import birth
from engram.security.logs import fields, logging_to
from engram.serve.load import open_artifact
from engram.settings import load_settings

GRACE_SECONDS = 10.0
LOG = logging.getLogger("engram.core")


def main() -> None:
    """Serve until a signal asks to end; attempts go on, and the next core finds them."""
    settings = load_settings()
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    with logging_to(settings.home / "logs" / "core.log"):
        models = Models(settings.home / "artifacts", open_artifact)
        server, port = serve(settings.home, models)
        note = address_file(settings.home)
        mine = {"address": f"127.0.0.1:{port}", "pid": os.getpid(), "born": birth(os.getpid())}
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


if __name__ == "__main__":
    main()
