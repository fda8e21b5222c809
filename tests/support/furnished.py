"""A server of this process whose every page has something to show: runs in many states, curves, data, deployments.

Nothing is trained: records are made as the server makes them, and the core is only played.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import update
from support.household import House
from support.new_home import started
from support.uploading import GOOD

from engram.gate.criteria import judge
from engram.schema.criterion import Criterion
from engram.schema.event import Event
from engram.schema.report import Measure, Report
from engram.security.limits import ALL, make_limits
from engram.server.live.protocol import OPTIONS
from engram.server.main import open_platform
from engram.server.platform import Platform
from engram.settings import load_settings
from engram.store import tables
from engram.store.ingest import ingest
from engram.store.records import attempts, evidence, points, runs, users

PASSWORD = "a long enough one 7"
STEPS, PATIENCE = 60, 30.0
GATES: Mapping[str, tuple[Mapping[str, Measure], Criterion]] = {
    "data": ({"leaked_test_rows": Measure(0.0)}, Criterion("leaked_test_rows", equals=0)),
    "evaluate": (
        {"accuracy": Measure(0.93, (0.9, 0.96)), "macro_f1": Measure(0.92, (0.88, 0.95))},
        Criterion("accuracy", at_least=0.6),
    ),
}

# What the data report of a text generator says beside its figures.
DETAILS: dict[str, dict[str, Any]] = {
    "data": {
        "said": ["120 rows were read."],
        "rows": {"train": 96, "valid": 12, "test": 12},
        "reading": [
            {"text": "<|im_start|>user\nwhere is my parcel<|im_end|>\n<|im_start|>assistant\n", "learned": False},
            {"text": "it is on its way to you<|im_end|>", "learned": True},
            {"text": "\n", "learned": False},
        ],
    }
}


class Furnished:
    """The open platform. Everybody of the household has PASSWORD; the Viewer "new" must change it first.

    run: an Admin's published run, of the dataset; other: another one; waiting, running, refused: runs in these states.
    """

    def __init__(self, here: Platform, url: str) -> None:
        here.limits = make_limits({ALL: "100000/minute"})  # a browser that goes through all pages asks much
        self.here, self.url, self.house = here, url, House(here)
        self._give_passwords()
        self.run, self.other = self._published("tickets"), self._published("tickets again")
        self.waiting = self.house.begin("root")
        self.house.let_wait(self.waiting)
        self.running = self._at_work()
        self.refused = self._ended("refused", "accuracy 0.52 is below 0.60")
        self._ended("failed_user", "Row 7 of tickets.csv has no label.")
        self._ended("cancelled")
        self.house.begin("root")
        self.dataset = self._bring("tickets.csv", GOOD, license="cc0")
        self._learn_from(self.dataset, self.run)
        self._deploy("tickets", self.run, self.other)
        of = {"kind": "language", "task": "classify", "source": "embedded:minilm", "dataset": "tickets.csv"}
        self.ask("POST", "/templates", {"name": "starter", **of})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call the API as the Admin, and be obeyed."""
        said = self.house.ask("root", method, path, body, **headers)
        assert said.status_code < 300, said.text
        return said.json() if said.content else None

    def _give_passwords(self) -> None:
        hashed = self.here.entrance.passwords.hash(PASSWORD)
        with self.here.db.write() as tx:
            for one in self.house.ids.values():
                users.change_user(tx, one, password_hash=hashed)
            users.create_user(tx, name="new", role="viewer", password_hash=hashed, must_change_password=True)

    def _published(self, name: str) -> str:
        digest = self.house.publish("root", name)
        run = str(self.ask("GET", f"/artifacts/{digest}")["run"])
        with self.here.db.write() as tx:
            runs.change_run(tx, run, metrics={"accuracy": 0.93, "accuracy_baseline": 0.71}, artifact=digest)
            for step in range(STEPS):
                points.report_points(tx, run, 1, "train", step, {"loss": 2 / (1 + step), "learning_rate": 0.001})
            for stage, (metrics, criterion) in GATES.items():
                report = Report(run, stage, 120, metrics, "sha256:" + "5" * 64, details=DETAILS.get(stage, {}))
                evidence.put_report(tx, report)
                evidence.put_verdict(tx, judge(report, (criterion,)))
        return run

    def _at_work(self) -> str:
        run = self.house.begin("root")
        with self.here.db.write() as tx:
            begun = attempts.start_attempt(tx, run, runner="local", seconds=3600)
            runs.step_run(tx, run, "running", stage="train")
            said: list[tuple[str, dict[str, Any]]] = [("note", {"text": "training begins"})]
            for step in range(STEPS):
                said.append(("metric", {"step": step, "loss": 2 / (1 + step), "learning_rate": 0.001}))
                said.append(("progress", {"what": "steps", "done": step + 1, "total": 2 * STEPS}))
            said += [("metric", {"step": step, "valid_loss": 0.4 + step / 100}) for step in range(0, STEPS, 5)]
            when, who = "2026-01-01T00:00:00.000000Z", (run, begun.attempt, begun.epoch)
            made = [Event(*who, seq, when, "train", kind, body) for seq, (kind, body) in enumerate(said)]
            ingest(tx, *who, made, seconds=3600)
        return run

    def _ended(self, state: Any, reason: str = "") -> str:
        run = self.house.begin("root")
        with self.here.db.write() as tx:
            runs.step_run(tx, run, "running", stage="evaluate")
            runs.step_run(tx, run, state, reason=reason)
        return run

    def _learn_from(self, dataset: str, run: str) -> None:
        """Let a run's recipe name a dataset of the house."""
        source = {"dataset": self.ask("GET", f"/datasets/{dataset}")["digest"]}
        with self.here.db.write() as tx:
            body = dict(runs.get_run(tx, run).body)
            body["data"] = {**body["data"], "sources": [source]}
            tx.execute(update(tables.runs).where(tables.runs.c.id == run).values(body=body))

    def _bring(self, name: str, content: bytes, **more: str) -> str:
        """Bring a dataset in, and return its id."""
        begun = self.ask("POST", "/uploads", {"purpose": "dataset", "name": name, "size": len(content)})
        path = f"/api/v1/uploads/{begun['id']}"
        headers = {"Authorization": f"Bearer {self.house.keys['root']}", "Upload-Offset": "0"}
        sent = self.house.client.patch(
            path, content=content, headers={**headers, "Content-Type": "application/octet-stream"}
        )
        assert sent.status_code == 200, sent.text
        return str(self.ask("POST", f"/uploads/{begun['id']}/finish", more)["dataset"]["id"])

    def _deploy(self, name: str, *made_by: str) -> None:
        first, *rest = [self.ask("GET", f"/runs/{run}")["artifact"] for run in made_by]
        self.ask("POST", "/deployments?simulate=advisory", {"name": name, "artifact": first})
        for artifact in rest:
            version = self.ask("GET", f"/deployments/{name}")["version"]
            self.ask(
                "POST", f"/deployments/{name}/promote?simulate=advisory", {"artifact": artifact, "version": version}
            )


@contextmanager
def listening(app: Any, listener: socket.socket) -> Iterator[None]:
    """Serve an application in a thread of this process while the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, **OPTIONS))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=PATIENCE)


@contextmanager
def furnished(home: Path) -> Iterator[Furnished]:
    """Furnish a new home, and serve it on the loopback while the block lasts."""
    # Named as TCP, which lets answers of two pieces leave at once, as they do where a server opens its own socket.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)  # who connects before the server accepts waits
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with open_platform(load_settings({"ENGRAM_HOME": str(started(home))}), url) as (here, _):
            one = Furnished(here, url)
            with listening(one.house.client.app, listener):
                yield one
