"""A server in this process whose runs look as if they had trained, and a core that only plays one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.new_home import started

from engram import files
from engram.artifacts import store
from engram.config.load import load_recipe
from engram.data.prepare import prepare_split
from engram.errors import NeedsReview, ServerAway
from engram.gate.criteria import judge
from engram.ledger.certificate import certify
from engram.pipeline.begin import begin
from engram.schema.codec import to_dict
from engram.schema.criterion import Criterion
from engram.schema.report import Measure, Report
from engram.security.api_keys import make_api_key
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.server.platform import Platform
from engram.settings import load_settings
from engram.store.records import artifacts, evidence, runs, users

ROLES = {"ann": "developer", "bob": "developer", "eve": "viewer", "root": "admin"}
SETS = ["simulate.seconds=0.05", "simulate.concurrency=8"]


@dataclass
class PlayedCore:
    """What answers in place of a core. reply: makes an answer, or raises; away: nothing answers."""

    reply: Callable[[str, Any], Any] = lambda digest, one: {"by": digest, "of": one}
    away: bool = False
    slots: int = 1
    living: list[Any] = field(default_factory=list)
    killed: list[tuple[str, int]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    name: str = "first"

    def predict(self, digest: str, inputs: Sequence[str], options: Any = None) -> Iterator[str]:
        """Answer inputs one by one."""
        self._ask()
        self.opened.append(digest)
        for one in inputs:
            yield json.dumps(self.reply(digest, json.loads(one)))

    def write(self, digest: str, asked: str, options: Any = None) -> Iterator[tuple[str, str]]:
        """Answer one input in one piece."""
        (answer,) = self.predict(digest, [asked])
        yield "", answer

    def status(self, run: str = "") -> Any:
        """Say what lives."""
        self._ask()
        return SimpleNamespace(living=list(self.living), slots=self.slots)

    def launch(self, **order: Any) -> Any:
        """Let an attempt live."""
        self._ask()
        one = SimpleNamespace(pid=1, born="then", **{name: order[name] for name in ("run", "attempt", "epoch")})
        self.living.append(one)
        return one

    def kill(self, run: str, attempt: int) -> bool:
        """End an attempt."""
        self._ask()
        self.killed.append((run, attempt))
        self.living = [one for one in self.living if one.run != run]
        return True

    def health(self) -> Any:
        """Say that it is there."""
        self._ask()

    def present(self) -> str:
        """Say which core it is."""
        return "" if self.away else self.name

    def close(self) -> None:
        """Nothing is open."""

    def _ask(self) -> None:
        if self.away:
            raise ServerAway("There is no core in this home.", remedy="Start it.")


class House:
    """An open platform, its people, and one way to call it."""

    def __init__(self, here: Platform) -> None:
        self.here, self.core = here, PlayedCore()
        here.core = self.core  # type: ignore[assignment]
        with here.db.write() as tx:
            self.ids = {name: users.create_user(tx, name=name, role=role).id for name, role in ROLES.items()}
        self.keys = {name: make_api_key(here.keys, one, name, ["*"], time.time).text for name, one in self.ids.items()}
        self.client = TestClient(create_app(here), base_url="http://127.0.0.1", raise_server_exceptions=False)

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call the API as somebody; `_` in a header's name is `-`."""
        sent = {"Authorization": f"Bearer {self.keys[who]}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=sent)

    def state(self, run: str) -> str:
        """Return a run's state."""
        with self.here.db.read() as tx:
            return runs.get_run(tx, run).state

    def move(self, run: str, *states: Any) -> None:
        """Take a run through states."""
        with self.here.db.write() as tx:
            for one in states:
                runs.step_run(tx, run, one)

    def begin(self, who: str, *sets: str) -> str:
        """Queue a run of the quick recipe and return its id."""
        return begin_run(self.here, self.ids[who], *sets)

    def give_data(self, run: str) -> str:
        """Prepare a run's data and return the digest of its split."""
        return give_data(self.here, run)

    def let_wait(self, run: str, accuracy: float = 0.5) -> str:
        """Let a run wait for a review of its stage data, and return the digest of the verdict."""
        folder, split = self.here.folder(run), self.give_data(run)
        gate = (Criterion("leaked_test_rows", equals=0, severity="major"),)
        files.write_json(folder.path / "gates.json", to_dict({"data": gate}))
        report = Report(run, "data", 100, {"leaked_test_rows": Measure(accuracy)}, split)
        folder.save_report(report)
        verdict = judge(report, gate)
        folder.save_verdict(verdict)
        with self.here.db.write() as tx:
            evidence.put_report(tx, report)
            digest = evidence.put_verdict(tx, verdict)
            runs.step_run(tx, run, "running", stage="data")
        try:
            with self.here.writing:
                self.here.authority(run).judged("data")
        except NeedsReview as error:
            with self.here.db.write() as tx:
                runs.step_run(tx, run, "awaiting_review", stage="data", reason=error.message)
        record = folder.record()
        folder.save_record(type(record)(**{**vars(record), "state": "awaiting_review", "stage": "data"}))
        return digest

    def publish(self, who: str, mark: str = "one", *, decision: str = "advance") -> str:
        """Publish an artifact of somebody's that opens nowhere but here, and return its digest."""
        return publish(self.here, self.ids[who], mark, decision=decision)


def begin_run(here: Platform, owner: str, *sets: str) -> str:
    """Queue a run of the quick recipe and return its id."""
    loaded = load_recipe("quickstart", sets=[*SETS, *sets], environment={})
    folder, recipe = begin(loaded, here.home), loaded.recipe
    said = {"recipe": recipe.name, "kind": recipe.kind, "task": recipe.task, "body": to_dict(recipe)}
    with here.db.write() as tx:
        runs.create_run(tx, id=folder.id, owner=owner, recipe_digest=loaded.digest, **said)
    return folder.id


def give_data(here: Platform, run: str) -> str:
    """Prepare a run's data and return the digest of its split."""
    folder = here.folder(run)
    made = prepare_split(folder.recipe().data, folder=Path.cwd(), cache=here.home / "datasets")
    files.write_json(folder.path / "data.json", {"folder": made.folder.name, "split": made.split.digest})
    return made.split.digest


def publish(
    here: Platform,
    owner: str,
    mark: str,
    *,
    decision: str = "advance",
    task: str = "classify",
    kind: str = "language",
) -> str:
    """Publish an artifact with a certificate, as if a run had made it, and return its digest.

    decision: what its gate said, as the certificate states it.
    """
    run = begin_run(here, owner)
    give_data(here, run)
    staging = here.folder(run).path / "staging"
    staging.mkdir()
    files.write_json(staging / "recipe.json", to_dict(here.folder(run).recipe()))
    files.write_json(staging / "labels.json", [mark])
    said = {"verdicts": {"evaluate": {"digest": "sha256:0", "decision": decision}}, "reviews": []}

    def sign(manifest: Any, content: bytes) -> bytes:
        return certify(
            manifest=manifest, manifest_bytes=content, predicate=said, run=run, ledger=here.ledger, keep=None
        )

    _, manifest = store.publish(staging, here.home / "artifacts", {"run": run}, sign)
    whose = {"owner": owner, "kind": kind, "task": task}
    with here.db.write() as tx:
        artifacts.put_artifact(tx, digest=manifest.digest, name=mark, run=run, bytes=1, entry=1, **whose)
        runs.step_run(tx, run, "running")
        runs.step_run(tx, run, "published")
    return manifest.digest


@contextmanager
def open_house(home: Path) -> Iterator[House]:
    """Open a new home with its people."""
    with open_platform(load_settings({"ENGRAM_HOME": str(started(home))}), "http://127.0.0.1:1") as (here, _):
        yield House(here)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for the tests of a module; each test makes its own runs in it."""
    with open_house(tmp_path_factory.mktemp("house")) as one:
        yield one


@pytest.fixture(autouse=True)
def quiet(house: House) -> None:
    """Give every test the core as it was."""
    vars(house.core).update(vars(PlayedCore()))
