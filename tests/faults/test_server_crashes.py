"""kill -9 of server, core and attempt in the middle of a run: nothing is lost or done twice, and the run finishes."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter

import pytest
from support.home import make_home
from support.served import processes_of, served

from engram.files import read_json

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")


@pytest.fixture
def server(tmp_path):
    home = make_home(tmp_path, rows=150)
    with served(home) as one:
        text = (home.folder / "toy.yaml").read_text().replace("path: tickets.csv", f"path: {home.folder}/tickets.csv")
        one.call("POST", "/recipes", {"text": text}, repeatable=True)
        one.run = one.call("POST", "/runs", {"recipe": "toy"}, headers={"Idempotency-Key": "k"}, repeatable=True)["id"]
        yield one
    assert processes_of(tmp_path) == []


def until(server, kind, stage):
    """Ask until the run has said something."""
    while not any((one["type"], one["stage"]) == (kind, stage) for one in server.events(server.run)):
        assert server.call("GET", f"/runs/{server.run}")["state"] in ("queued", "running", "lost_contact")


def check(server, attempts):
    """The run ends as if nothing had happened: every event of every attempt is stored once, every entry made once."""
    record = server.wait(server.run, "published")
    assert record["attempt"] == attempts
    folder = server.home.home / "runs" / server.run
    for number in range(1, attempts + 1):
        stored = [one["seq"] for one in server.events(server.run) if one["attempt"] == number]
        assert stored == list(range(len(stored)))
        assert len(stored) == len((folder / f"attempt-{number}" / "journal.jsonl").read_text().splitlines())
    counted = Counter(one["type"] for one in server.call("GET", "/ledger/entries", query={"limit": 200})["items"])
    assert (counted["run.declared"], counted["run.judged"], counted["artifact.certified"]) == (1, 5, 1)
    assert server.home.engram("verify", str(server.home.home / "ledger")).returncode == 0
    assert len(server.call("GET", "/artifacts")["items"]) == 1


@pytest.mark.parametrize(("kind", "stage"), [("report", "data"), ("metric", "train"), ("started", "export")])
def test_a_server_that_is_killed_loses_nothing(server, kind, stage):
    until(server, kind, stage)
    server.kill()
    server.start()
    check(server, attempts=1)


def test_a_core_that_is_killed_leaves_the_attempt_to_the_next(server):
    until(server, "metric", "train")
    os.kill(int(read_json(server.home.home / "core.json")["pid"]), signal.SIGKILL)
    server.kill()
    server.start()
    check(server, attempts=1)


def test_a_core_that_dies_alone_is_started_again(server):
    until(server, "metric", "train")
    note = server.home.home / "core.json"
    before = read_json(note)
    os.kill(int(before["pid"]), signal.SIGKILL)
    check(server, attempts=1)
    assert read_json(note)["pid"] != before["pid"]
    assert server.call("GET", "/readyz", root="")["status"] == "ready"


def test_a_server_that_is_stopped_preempts_the_run_and_goes_on_with_it(server):
    until(server, "checkpoint", "train")
    server.stop()
    assert processes_of(server.home.folder) == []
    assert read_json(server.home.home / "runs" / server.run / "run.json")["state"] == "paused"
    server.start()
    check(server, attempts=2)
    second = [one for one in server.events(server.run) if one["attempt"] == 2]
    assert not any(one["stage"] in ("data", "baseline") for one in second)


def test_an_attempt_that_is_killed_is_resumed_from_its_checkpoint_under_a_higher_epoch(server):
    until(server, "checkpoint", "train")
    folder = server.home.home / "runs" / server.run
    os.killpg(int(read_json(folder / "attempt-1" / "process.json")["pid"]), signal.SIGKILL)
    check(server, attempts=2)
    told = [one for one in server.events(server.run) if one["attempt"] == 2]
    assert {one["epoch"] for one in told} == {2}
    assert not any(one["stage"] in ("data", "baseline") for one in told)
