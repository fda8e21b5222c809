"""What dead attempts of this machine have left unsaid: their journals lie in the home, and are read from there."""

from __future__ import annotations

from engram.errors import NotFound
from engram.pipeline.journal import Follower
from engram.server.platform import Platform
from engram.store.ingest import append
from engram.store.records import attempts


def take_in(here: Platform, run: str) -> None:
    """Store what the journals of a run's attempts hold and nobody has sent; what is stored already stays as it is."""
    for folder in here.folder(run).attempts():
        number = int(folder.name.removeprefix("attempt-"))
        with here.db.write() as tx:
            try:
                found = attempts.get_attempt(tx, run, number)
            except NotFound:
                continue  # of a command that ran in this home before it had a server
            left = [event for event in Follower(folder / "journal.jsonl").read() if event.seq > found.acked_seq]
            if left:
                append(tx, found, left)
