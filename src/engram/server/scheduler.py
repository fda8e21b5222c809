"""The scheduler: starts what waits when a slot is free, and looks after attempts that have fallen silent."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from engram.errors import EngramError, NoSlot, ServerAway
from engram.pipeline import control
from engram.pipeline.children import CANCEL_GRACE_SECONDS
from engram.proc import crashpoint
from engram.schema.state import State
from engram.server.auditing import Roots
from engram.server.fine_tuned import deploy_published
from engram.server.platform import Platform
from engram.server.spool import take_in
from engram.server.waiting import Standing
from engram.server.warming import Warmer
from engram.store.ingest import LEASE_SECONDS
from engram.store.pages import MOST, Ask
from engram.store.records import attempts, runs
from engram.store.records.attempts import HOST, Attempt

BEAT_SECONDS = 1.0
# A run whose attempts die this often in a row, each without getting further, does not get another by itself.
MOST_ATTEMPTS = 5
# What becomes of a run whose process is gone.
AFTER: dict[State, State] = {"running": "lost_contact", "cancelling": "cancelled"}


class Scheduler:
    """A thread of the server. Everything that it decides by is in the database, so a new server goes on with it.

    patience: seconds until an attempt that was asked to cancel is killed; a new server begins to count again.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        patience: float = CANCEL_GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here, self._ended = platform, threading.Event()
        self._roots = Roots(platform)
        self._patience, self._clock = patience, clock
        self._asked: dict[str, float] = {}  # runs that are being cancelled → since when
        self._warmer = Warmer(platform)
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
            if not self._ended.is_set():
                self.beat()

    def beat(self) -> None:
        """Do once what there is to do."""
        try:
            self._roots.enter(self._here.setting("audit.keep_days"))
            self.look_after_the_silent()  # of trainers only their leases tell, so this much goes without a core
            self.look()
            deploy_published(self._here)
            self.end_the_disobedient()
            while not self._here.draining.is_set() and self.start_next():
                self.look()
            self._warmer.look()
        except ServerAway as error:  # it is asked again at the next beat
            self._here.standing = Standing(away=error.message)
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
                if found.epoch == one.epoch and found.state in AFTER:
                    wanted = control.asked(self._here.folder(one.run).control)
                    then: State = "paused" if found.state == "running" and wanted == "pause" else AFTER[found.state]
                    runs.step_run(tx, one.run, then, reason="the process of its attempt is gone")
            take_in(self._here, one.run)

    def _note_silence(self, one: Attempt) -> None:
        """Note that a trainer is lost; a run that it was asked to cancel is cancelled without it."""
        asked = control.asked(self._here.folder(one.run).control)
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
            if asked == "cancel" and found.state in ("lost_contact", "cancelling"):
                runs.step_run(tx, one.run, "cancelled", reason="Cancelled while its trainer was silent.")

    def end_the_disobedient(self) -> None:
        """Kill the attempts that were asked to cancel and work on; their last checkpoints are kept."""
        with self._here.db.read() as tx:
            asked = {one.id: one for one in runs.list_runs(tx, Ask(equal={"state": "cancelling"}, limit=MOST)).items}
        now = self._clock()
        self._asked = {one: self._asked.get(one, now) for one in asked}
        for one, since in self._asked.items():
            if now - since < self._patience:
                continue
            self._here.core.kill(one, asked[one].attempt)
            with self._here.db.write() as tx:
                if runs.get_run(tx, one).state == "cancelling":
                    attempts.end_attempts(tx, one)
                    said = f"it did not stop within {self._patience:.0f} s and was killed"
                    runs.step_run(tx, one, "cancelled", reason=said)
            take_in(self._here, one)

    def look(self) -> None:
        """Note which slots are taken, for whoever asks why a run waits."""
        status = self._here.core.status()
        self._here.standing = Standing(tuple(sorted({one.run for one in status.living})), status.slots)

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
        control.clear(here.folder(found.id).control)
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
