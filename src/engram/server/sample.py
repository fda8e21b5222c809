"""The run of a first start: a small model, so that whoever opens the platform has something to look at."""

from __future__ import annotations

from engram.config.load import load_recipe
from engram.server.platform import Platform
from engram.server.queue import queue
from engram.store.pages import Ask
from engram.store.records import users

RECIPE = "quickstart"


def queue_sample(here: Platform) -> None:
    """Queue a run of the sample recipe for the one Admin that a new home has."""
    with here.db.write() as tx:
        (admin,) = users.list_users(tx, Ask(None)).items
        queue(tx, here, admin.id, load_recipe(RECIPE, environment={}))
    here.wake.set()
