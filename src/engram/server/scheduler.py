"""The scheduler: starts what waits when a slot is free, and looks after attempts that have fallen silent."""

from __future__ import annotations

import logging
import threading

from engram import files
from engram.errors import EngramError, NoSlot, ServerAway
from engram.proc import crashpoint
from engram.server.auditing import Roots
from engram.server.fine_tuned import deploy_published
from engram.server.platform import Platform
from engram.server.spool import take_in
from engram.store.ingest import LEASE_SECONDS
from engram.store.records import attempts, runs
from engram.store.records.attempts import HOST, Attempt

BEAT_SECONDS = 1.0
# A run whose attempts die this often in a row, each without getting further, does not get another by itself.
MOST_ATTEMPTS = 5


class Scheduler:
    """A thread of the server. Everything that it decides by is in the database, so a new server goes on with it."""

    def __init__(self, platform: Platform) -> None:
        self._here, self._ended, self._roots = platform, threading.Event(), Roots(platform)
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; attempts go on."""
        self._ended.set()
        self._here.wake.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ended.is_set():
            self._here.wake.wait(BEAT_SECONDS)
            self._here.wake.clear()
            if self._ended.is_set():
                return
            try:
                self._roots.enter(self._here.setting("audit.keep_days"))
                deploy_published(self._here)
                self.look_after_the_silent()
                while not self._here.draining.is_set() and self.start_next():
                    pass
            except ServerAway:
                continue  # the core is away; it is asked again at the next beat
            except EngramError as error:
                logging.getLogger(__name__).warning("%s", error)

    def look_after_the_silent(self) -> None:
        """Note what has lost its process, so that it is started again from its checkpoint.

        An attempt of this machine whose process the core doesn't know is lost at once: it has died, or a server that
        died never launched it. One that lives and can't reach us is not lost. Of a trainer only its lease can tell:
        when that ends it is lost, nobody is started in its place, and it may come back.
        """
        with self._here.db.read() as tx:
            active = [one for one in attempts.active(tx) if one.runner == HOST]
            silent = [one for one in attempts.expired(tx) if one.runner != HOST]
        for one in silent:
            self._note_silence(one)
        if not active:
            return
        living = {(one.run, one.attempt) for one in self._here.core.status().living}
        for one in active:
            here = (one.run, one.attempt)
            if here in living:
                continue
            with self._here.db.write() as tx:
                if attempts.get_attempt(tx, *here).state != "active":
                    continue  # it has said its last word in the meantime
                attempts.change_attempt(tx, *here, state="lost")
                found = runs.get_run(tx, one.run)
                if found.epoch == one.epoch and found.state == "running":
                    runs.step_run(tx, one.run, "lost_contact", reason="the process of its attempt is gone")
            take_in(self._here, one.run)

    def _note_silence(self, one: Attempt) -> None:
        """Note that a trainer is lost; a run that it was asked to cancel is cancelled without it."""
        control = self._here.folder(one.run).control
        asked = files.read_json(control)["command"] if control.exists() else "none"
        if one.state == "lost" and asked != "cancel":
            return
        with self._here.db.write() as tx:
            if attempts.get_attempt(tx, one.run, one.attempt) != one:
                return  # it has said something in the meantime
            found = runs.get_run(tx, one.run)
            attempts.change_attempt(tx, one.run, one.attempt, state="ended" if asked == "cancel" else "lost")
            if found.epoch != one.epoch:
                return
            if found.state == "running":
                found = runs.step_run(tx, one.run, "lost_contact", reason="its trainer is silent")
            if asked == "cancel" and found.state == "lost_contact":
                runs.step_run(tx, one.run, "cancelled", reason="Cancelled while its trainer was silent.")

    def start_next(self) -> bool:
        """Start the run that is next, if there is one and a slot for it; True when one was started."""
        here = self._here
        with here.db.read() as tx:
            found = runs.next_lost(tx, MOST_ATTEMPTS, HOST) or runs.next_queued(tx)
        if found is None:
            return False
        status = here.core.status()
        if len(status.living) >= status.slots:
            return False
        with here.db.write() as tx:
            begun = attempts.start_attempt(tx, found.id, runner=HOST, seconds=LEASE_SECONDS)
        crashpoint("server.before-launch")
        key = here.make_key(found.owner, found.id, begun.epoch)
        try:
            started = here.core.launch(
                run=found.id,
                attempt=begun.attempt,
                epoch=begun.epoch,
                base_url=here.base_url,
                key=key,
                threads=here.threads,
                workers=1,
            )
        except NoSlot:
            with here.db.write() as tx:
                attempts.change_attempt(tx, found.id, begun.attempt, state="ended")
            return False
        crashpoint("server.after-launch")
        with here.db.write() as tx:
            attempts.change_attempt(tx, found.id, begun.attempt, handle=f"{started.pid}@{started.born}")
        return True
