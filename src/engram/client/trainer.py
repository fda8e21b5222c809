"""The trainer: takes a run of a template from a server, trains it here, hands the candidate in, and fetches what came.

    start → material → train → candidate → verdict → artifact

Everything lies in a small home inside the output folder, so the same command goes on wherever it was interrupted. What
this process measures is telemetry: the server's host judges the candidate with its own code, on rows that never come
here.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engram import files
from engram.client.api import Api
from engram.client.attempt import Link, Reporter
from engram.client.standing import Standing, home_of, note, stand
from engram.client.transfer import fetch_folder, send_file
from engram.errors import EngramError, ServerAway, StaleEpoch, Throttled
from engram.files import home_lock
from engram.pipeline import control
from engram.pipeline.children import Watch, nursery_of, run_child, settle, write_spec
from engram.pipeline.context import obey
from engram.pipeline.folder import RunFolder
from engram.pipeline.run import WORKER, ending
from engram.pipeline.worker import candidate_weights
from engram.schema.candidate import RECORD, WEIGHTS
from engram.schema.codec import from_dict
from engram.schema.event import Event

POLL_SECONDS = 1.0
KPIS = ("first_valid_loss", "best_valid_loss")


@dataclass(frozen=True)
class Trainer:
    """Who trains what, where. connect: makes the link to the server for a key; watch: is shown every event."""

    base_url: str
    key: str
    model: str
    outdir: Path
    connect: Callable[[str], Api]
    on_stale: Callable[[], None]
    watch: Watch = field(default=lambda event: None)
    say: Callable[[str], None] = field(default=lambda text: None)
    sets: tuple[str, ...] = ()
    profile: str | None = None
    threads: int = 1
    workers: int = 1

    @property
    def home(self) -> Path:
        """The trainer's own home."""
        return home_of(self.outdir)


def train_elsewhere(trainer: Trainer) -> dict[str, Any]:
    """Take a run to its verdict and return what the server says of it then.

    Raises what stopped it: Cancelled, Paused, StaleEpoch when another trainer has taken over, ServerAway when the
    server stayed away for longer than the patience; then the same command goes on from here.
    """
    with home_lock(trainer.home, f"a trainer of {trainer.model}"), trainer.connect(trainer.key) as api:
        standing = stand(trainer.outdir, trainer.base_url, trainer.model)
        standing = _begin(trainer, api, standing)
        told = _Told(trainer, api, standing.run)
        try:
            said = _ready(api, standing.run, told)
            if said["next"] == "train":
                _attempt(trainer, api, standing.run, said)
        except KeyboardInterrupt:
            api.call("POST", "/api/v1/modulation/stop", {"run": standing.run}, repeatable=True)
            raise
        return _verdict(api, standing.run, told)


def _begin(trainer: Trainer, api: Api, standing: Standing) -> Standing:
    """Let the server make the run, once: the key of the request was written down before it was sent."""
    if standing.run:
        trainer.say(f"Going on with run {standing.run}")
        return standing
    asked = {"template": standing.model, "set": list(trainer.sets), "profile": trainer.profile}
    keyed = {"Idempotency-Key": standing.ask}
    made = api.call("POST", "/api/v1/modulation/start", asked, headers=keyed, repeatable=True)
    trainer.say(f"Run {made['run']} of {standing.model}: {made['recipe']} ({made['kind']}, {made['task']})")
    return note(trainer.outdir, standing, run=str(made["run"]))


def _ready(api: Api, run: str, told: _Told) -> dict[str, Any]:
    """Wait until the data is prepared, and take the training over."""
    keyed, asked = {"Idempotency-Key": secrets.token_hex(16)}, {"run": run, "resume": True}
    while True:
        try:
            said: dict[str, Any] = api.call("POST", "/api/v1/modulation/start", asked, headers=keyed, repeatable=True)
            if said["next"] != "preparing":
                return said
            told.catch_up()
        except Throttled as error:
            time.sleep(error.retry_after)
        asked = {"run": run}
        time.sleep(POLL_SECONDS)


def _attempt(trainer: Trainer, api: Api, run: str, said: Mapping[str, Any]) -> None:
    """Train under the attempt's own key, and hand in what came of it."""
    number, epoch = int(said["attempt"]), int(said["epoch"])
    folder = RunFolder(trainer.home / "runs" / run)
    settle(folder)
    control.clear(folder.control)
    place = write_spec(folder, number, trainer.home, trainer.threads, trainer.workers, epoch)
    with trainer.connect(str(said["key"])) as mine:
        link = Link(mine, run, number, epoch)
        reporter = Reporter(link, folder, on_stale=trainer.on_stale)
        reporter.start()
        try:
            _fetch_material(mine, folder, trainer.home)
            _trials(trainer, link, folder, place)
            _send_candidate(trainer, mine, link, folder)
        except (StaleEpoch, ServerAway):
            raise
        except (EngramError, KeyboardInterrupt) as error:
            reporter.finish()
            state = ending(error) if isinstance(error, EngramError) else "cancelled"
            state = "failed_user" if state in ("refused", "awaiting_review") else state  # those are the host's to say
            link.ask("state", {"state": state, "stage": "train", "reason": str(error) or "Interrupted."})
            raise
        if not reporter.finish():
            raise ServerAway("The server took the candidate, but not the end of its story.", remedy="Start again.")
        mine.call("POST", f"/api/v1/models/{run}/certify", {"epoch": epoch}, repeatable=True)


def _fetch_material(api: Api, folder: RunFolder, home: Path) -> None:
    """Fetch recipe, rows and base model; a model that came along stands in the recipe in place of the server's path."""
    got = home / "datasets" / folder.id
    fetch_folder(api, f"/api/v1/models/{folder.id}/download", "material", got)
    recipe = files.read_json(got / "recipe.json")
    if (got / "base").is_dir():
        recipe["model"]["source"] = str((got / "base").resolve())
    files.write_json(folder.path / "recipe.json", recipe)
    split = files.read_json(got / "split.json")["digest"]
    files.write_json(folder.path / "data.json", {"folder": got.name, "split": split})


def _trials(trainer: Trainer, link: Link, folder: RunFolder, place: Path) -> None:
    """Do the trials that the server wants: with nothing to search, one."""
    who = {"run": link.run, "epoch": link.epoch}
    while True:
        trial = link.api.call("POST", "/api/v1/modulation/next_trial", who, repeatable=True)
        if trial["done"] and folder.candidate.exists():
            return
        if not folder.candidate.exists():
            with nursery_of(folder, place) as nursery:
                run_child(WORKER, place, [], trainer.watch, trainer.workers, nursery)
        said = files.read_json(folder.candidate)
        found = {name: said[name] for name in KPIS if isinstance(said[name], int | float)}
        told = {**who, "trial": 0, "metrics": found or {"steps": said["steps"]}}
        link.api.call("POST", "/api/v1/modulation/report_trial", told, repeatable=True)


def _send_candidate(trainer: Trainer, api: Api, link: Link, folder: RunFolder) -> None:
    """Upload weights and record; between two pieces commands are obeyed."""
    command = control.listener(folder.control, None)

    def progress(done: int, total: int) -> None:
        trainer.watch(Event(link.run, link.attempt, link.epoch, 0, "", "train", "progress",
                            {"what": "bytes handed in", "done": done, "total": total}))  # fmt: skip
        obey(command())

    about = {"run": link.run, "epoch": link.epoch}
    for name, file in ((WEIGHTS, candidate_weights(folder.path)), (RECORD, folder.candidate)):
        send_file(api, "/api/v1/modulation/artifacts/upload", about, name, file, progress)


def _verdict(api: Api, run: str, told: _Told) -> dict[str, Any]:
    """Wait until the host has judged; a Ctrl-C only ends the waiting."""
    while True:
        try:
            said: dict[str, Any] = api.call("POST", f"/api/v1/models/{run}/certify", {}, repeatable=True)
            told.catch_up()
            if said["state"] not in ("queued", "running", "lost_contact", "cancelling"):
                return said
        except Throttled as error:
            time.sleep(error.retry_after)
        time.sleep(POLL_SECONDS)


class _Told:
    """What the host's attempts say, shown here as if they worked here."""

    def __init__(self, trainer: Trainer, api: Api, run: str) -> None:
        self._trainer, self._api, self._run, self._after = trainer, api, run, 0

    def catch_up(self) -> None:
        """Show what is new; what this machine's own attempts said was shown when it was said."""
        own = {int(path.name.removeprefix("attempt-")) for path in RunFolder(self._folder).attempts()}
        while True:
            said = self._api.call("GET", f"/api/v1/runs/{self._run}/events", query={"after": self._after})
            for one in said["items"]:
                event = from_dict(Event, {name: value for name, value in one.items() if name != "cursor"})
                if event.attempt not in own:
                    self._trainer.watch(event)
            self._after = int(said["next"])
            if not said["items"]:
                return

    @property
    def _folder(self) -> Path:
        return self._trainer.home / "runs" / self._run
