"""Warm starts: what is deployed is opened in a core that has just begun, before anybody asks it."""

from __future__ import annotations

import logging
import threading

from engram.errors import EngramError, ServerAway
from engram.server.answering import artifacts_of
from engram.server.platform import Platform
from engram.store.records import deployments

MOST_WARM = 4  # as many as a core keeps open


class Warmer:
    """Looks whether the core is another one than before, and opens in it what is deployed; in a thread of its own."""

    def __init__(self, platform: Platform) -> None:
        self._here, self._warmed = platform, ""

    def look(self) -> None:
        """Begin to warm a new core; returns at once."""
        core = self._here.core.present()
        if core and core != self._warmed:
            self._warmed = core
            threading.Thread(target=self._work, name="warmer", daemon=True).start()

    def _work(self) -> None:
        try:
            warm(self._here)
        except ServerAway:
            self._warmed = ""  # it went away again; the next one is warmed


def warm(here: Platform) -> list[str]:
    """Open the artifacts that answer, those deployed last first, and return them.

    Raises ServerAway. An artifact that can't be opened is logged, and the others are opened.
    """
    with here.db.read() as tx:
        found = deployments.serving(tx, MOST_WARM)
    wanted = list(dict.fromkeys(digest for one in found for digest in artifacts_of(one)))[:MOST_WARM]
    opened = []
    for digest in wanted:
        try:
            list(here.core.predict(digest, []))
            opened.append(digest)
        except ServerAway:
            raise
        except EngramError as error:
            logging.getLogger(__name__).warning("%s", error)
    return opened
