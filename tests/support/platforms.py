"""A server's platform in this process, without a core, and runs of templates as far as a host attempt brings them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from support.new_home import started

from engram.config.shipped import find_recipe
from engram.data.prepare import prepare_split
from engram.files import sha256_bytes, write_json
from engram.gate.criteria import judge
from engram.schema.codec import to_dict
from engram.schema.event import Event
from engram.schema.report import Measure, Report
from engram.security.api_keys import make_api_key
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import attempts, runs, templates, users

PEOPLE = {"ann": "developer", "bob": "developer", "eve": "viewer", "root": "admin"}


@contextmanager
def opened(home: Path) -> Iterator[Any]:
    """Open a home with people in it; `texts` has their keys, `ids` their ids, `client` asks the application."""
    with open_platform(load_settings({"ENGRAM_HOME": str(started(home))}), "http://127.0.0.1:1") as (platform, _):
        with platform.db.write() as tx:
            platform.ids = {name: users.create_user(tx, name=name, role=role).id for name, role in PEOPLE.items()}
        platform.texts = {
            name: make_api_key(platform.keys, one, name, ["*"], time.time).text for name, one in platform.ids.items()
        }
        platform.client = TestClient(create_app(platform), base_url="http://127.0.0.1:1", raise_server_exceptions=False)
        yield platform


def ask(here: Any, who: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """Ask as somebody: a name of PEOPLE, or a key."""
    headers = {"Authorization": f"Bearer {here.texts.get(who, who)}", **more.pop("headers", {})}
    return here.client.request(method, f"/api/v1{path}", json=body, headers=headers, **more)


def template(here: Any, name: str, owner: str = "ann", text: str | None = None) -> str:
    """Register a template by its row, and return its id."""
    recipe = text if text is not None else find_recipe("quickstart").read_text()
    body = {"recipe": "quickstart", "recipe_text": recipe, "dataset": "sha256:" + "d" * 64, "certificate": {"of": name}}
    with here.db.write() as tx:
        made = templates.create_template(
            tx, name=name, owner=here.ids[owner], kind="language", task="classify", source="embedded:minilm", body=body
        )
    return made.id


def begun(here: Any, template: str, who: str = "ann") -> str:
    """Begin a run of a template and return its id."""
    made = ask(here, who, "POST", "/modulation/start", {"template": template})
    assert made.status_code == 201, made.text
    return str(made.json()["run"])


def host_attempt(here: Any, run: str) -> tuple[attempts.Attempt, str]:
    """Begin an attempt of the host, as the scheduler does, and return it with its key."""
    with here.db.write() as tx:
        one = attempts.start_attempt(tx, run, runner=attempts.HOST, seconds=60)
    return one, here.make_key(here.ids["ann"], run, one.epoch)


def tell(here: Any, key: str, one: Any, run: str, state: str, stage: str = "", reason: str = "") -> Any:
    """Say as an attempt where the run stands."""
    said = {"epoch": one.epoch, "state": state, "stage": stage, "reason": reason}
    return ask(here, key, "POST", f"/runs/{run}/attempts/{one.attempt}/state", said)


def prepared(here: Any, run: str) -> None:
    """Do what the host does before a run waits for its trainer: the real split, and reports that its gates pass."""
    one, key = host_attempt(here, run)
    assert tell(here, key, one, run, "running", "data").status_code == 200
    folder = here.folder(run)
    recipe = folder.recipe()
    found = prepare_split(recipe.data, folder=here.home, cache=here.home / "datasets")
    write_json(folder.path / "data.json", {"folder": found.folder.name, "split": found.split.digest})
    good = {one.metric: Measure(one.equals if one.equals is not None else 0.0) for one in folder.gates()["data"]}
    report = Report(run, "data", found.report.rows_kept, good, found.split.digest)
    folder.save_report(report)
    folder.save_verdict(judge(report, folder.gates()["data"]))
    folder.save_report(Report(run, "baseline", 1, {"accuracy": Measure(0.5)}, found.split.digest))
    assert folder.verdict("data").decision == "advance"
    asked = {"epoch": one.epoch}
    assert ask(here, key, "POST", f"/runs/{run}/attempts/{one.attempt}/declare", asked).status_code == 200
    assert tell(here, key, one, run, "paused", "train", "It waits for its trainer.").status_code == 200


def trained(here: Any, run: str, who: str = "ann", **more: Any) -> dict[str, Any]:
    """Take a prepared run's training over, and return what the server answers: attempt, epoch, key."""
    said = ask(here, who, "POST", "/modulation/start", {"run": run}, **more)
    assert (said.status_code, said.json()["next"]) == (201, "train"), said.text
    return dict(said.json())


def upload(here: Any, took: dict[str, Any], file: str, content: bytes, **changed: Any) -> Any:
    """Upload a file in one piece, or a piece of it with `offset` and `size`."""
    query = {"run": took["run"], "epoch": took["epoch"], "file": file, "size": len(content), "offset": 0}
    query |= {"digest": sha256_bytes(content), **changed}
    headers = {"Authorization": f"Bearer {took['key']}", "Content-Type": "application/octet-stream"}
    return here.client.post("/api/v1/modulation/artifacts/upload", params=query, content=content, headers=headers)


def weights(seed: int = 0) -> bytes:
    """Return a small sound safetensors file."""
    import numpy as np
    from safetensors.numpy import save

    return bytes(save({"w": np.full(4, seed, np.float32)}))


def record(run: str, content: bytes, **changed: Any) -> dict[str, Any]:
    """Return a candidate's record, as an honest worker writes it."""
    said: dict[str, Any] = {
        "format": "engram.candidate/1", "run": run, "checkpoint": "checkpoint-10", "weights": sha256_bytes(content),
        "steps": 10, "best_step": 10, "first_valid_loss": 0.7, "best_valid_loss": 0.3, "stopped_early": False,
        "trainable_tokens": 100, "grad_norm_p99": 1.0, "grad_norm_median": 0.5, "threads": 1, "workers": 1,
        "precision": "fp32",
    }  # fmt: skip
    return {**said, **changed}


def hand_in(here: Any, took: dict[str, Any], content: bytes, said: dict[str, Any]) -> Any:
    """Upload a candidate and hand it in."""
    from engram.files import canonical_json

    assert upload(here, took, "weights.safetensors", content).status_code == 200
    assert upload(here, took, "candidate.json", canonical_json(said)).status_code == 200
    return ask(here, took["key"], "POST", f"/models/{took['run']}/certify", {"epoch": took["epoch"]})


def state_of(here: Any, run: str) -> str:
    """Return the state of a run."""
    with here.db.read() as tx:
        return runs.get_run(tx, run).state


def events(here: Any, took: dict[str, Any], *found: Event, **changed: Any) -> Any:
    """Send events as a trainer."""
    said = {"epoch": took["epoch"], "events": [to_dict(one) for one in found], **changed}
    return ask(here, took["key"], "POST", f"/runs/{took['run']}/attempts/{took['attempt']}/events", said)


def metric(took: dict[str, Any], seq: int, step: int = 1, **numbers: float) -> Event:
    """Return an event of a trainer's story."""
    time = "2026-01-01T00:00:00.000000Z"
    body = {"step": step, "total": 10, **numbers}
    return Event(took["run"], took["attempt"], took["epoch"], seq, time, "train", "metric", body)
