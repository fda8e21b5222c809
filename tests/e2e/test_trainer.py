"""`engram trainer` on another machine: another folder, another home, an API key, and nothing of the server's disk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter

import pytest
from support.home import Home, command, make_home
from support.served import processes_of, rest, served

from engram.store.home import open_home
from engram.store.records import templates, users

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")
SCOPES = ("modulation.*", "models.*", "events.list", "templates.read")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a template of the toy recipe."""
    home = make_home(tmp_path_factory.mktemp("served"), rows=150)
    with served(home) as one:
        recipe = (home.folder / "toy.yaml").read_text().replace("path: tickets.csv", f"path: {home.folder}/tickets.csv")
        db = open_home(home.home)
        with db.write() as tx:
            admin = users.find_user(tx, "admin")
            what = {"kind": "language", "task": "classify", "source": str(home.folder / "encoder")}
            body = {"recipe": "toy", "recipe_text": recipe, "dataset": "", "certificate": {}}
            one.template = templates.create_template(tx, name="toy", owner=admin.id, body=body, **what).id
        db.close()
        one.trainers_key = one.make_key("a trainer", *SCOPES)["key"]
        yield one
    assert processes_of(home.folder) == []


class Elsewhere:
    """A machine of a trainer's: a folder with a home of its own."""

    def __init__(self, server, folder):
        self.server, self.folder, self.out = server, folder, folder / "out"
        folder.mkdir(parents=True)
        self.home = Home(folder, {"ENGRAM_API_KEY": server.trainers_key})

    def start(self, model, *more):
        """Start the trainer as a person types it."""
        asked = ["--base_url", self.server.url, "--model_template_id", model, "--outdir", str(self.out), *more]
        return subprocess.Popen(
            command("trainer", *asked), env=self.home.env(), cwd=self.folder, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, process):
        """Return the id of the run, as soon as the server has made it."""
        path = self.out / ".engram-trainer" / "standing.json"
        while not path.exists() or not (found := json.loads(path.read_text())["run"]):
            assert process.poll() is None, process.communicate()
            rest()
        return found


def training(server, run, attempt, process):
    """Ask until an attempt has told a step of its training."""

    def alive():
        assert process.poll() is None, process.communicate()

    server.hear(run, lambda one: (one["type"], one["attempt"]) == ("metric", attempt), alive)


def test_a_template_is_trained_elsewhere_while_the_server_is_killed_and_started_again(server, tmp_path):
    there = Elsewhere(server, tmp_path / "elsewhere")
    process = there.start(server.template, "--set", "train.num_train_epochs=12")
    run = there.run(process)
    training(server, run, 2, process)
    server.kill()
    journal = there.out / ".engram-trainer" / "runs" / run / "attempt-2" / "journal.jsonl"
    said = len(journal.read_text().splitlines())
    while len(journal.read_text().splitlines()) < said + 3:  # it trains on
        assert process.poll() is None, process.communicate()
        rest()
    server.start()
    out, err = process.communicate()
    assert process.returncode == 0, out + err

    (place,) = (there.out / "artifacts_language").iterdir()
    told = there.home.engram("verify", str(place), "--key", str(there.out / "ledger.pub"))
    assert told.returncode == 0, told.stdout + told.stderr
    record = server.call("GET", f"/runs/{run}")
    assert (record["state"], record["attempt"]) == ("published", 3)
    statement = json.loads((place / "manifest.json").read_text())
    assert (statement["about"]["run"], statement["digest"]) == (run, record["artifact"])

    stories = {number: [one for one in server.events(run) if one["attempt"] == number] for number in (1, 2, 3)}
    for number, story in stories.items():
        assert [one["seq"] for one in story] == list(range(len(story))), number
        assert len(story) == len(_journal(server, run, number)), number
    assert {one["stage"] for one in stories[1]} == {"data", "baseline"}
    assert {one["stage"] for one in stories[2]} == {"train"}
    assert stories[2][-1]["type"] == "finished"
    assert not {"data", "baseline"} & {one["stage"] for one in stories[3]}
    entries = server.call("GET", "/ledger/entries", query={"limit": 200})["items"]
    counted = Counter(one["type"] for one in entries if one["subject"] == run)
    assert (counted["run.declared"], counted["run.judged"]) == (1, 5)
    assert not list(there.out.rglob("test.jsonl"))
    assert processes_of(there.folder) == []


def _journal(server, run, number):
    return (server.home.home / "runs" / run / f"attempt-{number}" / "journal.jsonl").read_text().splitlines()


def test_a_zombie_stops_itself_and_a_cancelled_run_goes_on_from_its_checkpoint(server, tmp_path):
    first, second = Elsewhere(server, tmp_path / "first"), Elsewhere(server, tmp_path / "second")
    zombie = first.start(server.template, "--set", "train.max_steps=100000")
    run = first.run(zombie)
    training(server, run, 2, zombie)
    heir = second.start(run)
    _, err = zombie.communicate()
    assert (zombie.returncode, "newer attempt has taken this run over" in err) == (1, True), err
    training(server, run, 3, heir)
    while processes_of(first.folder):  # the worker notices between two steps that it is an orphan
        rest()

    heir.send_signal(signal.SIGINT)
    out, err = heir.communicate()
    assert (heir.returncode, "Cancelled" in err) == (1, True), out + err
    assert server.call("GET", f"/runs/{run}")["state"] == "cancelled"
    assert not (second.out / "artifacts_language").exists()

    again = second.start(run)
    training(server, run, 4, again)
    assert any(one["type"] == "resumed" for one in server.events(run) if one["attempt"] == 4)
    server.call("POST", "/modulation/stop", {"run": run})
    out, err = again.communicate()
    assert (again.returncode, "Cancelled" in err) == (1, True), out + err
    assert [path.name for path in second.out.iterdir()] == [".engram-trainer"]
