"""kill -9 of server, core and attempt in the middle of a run: nothing is lost or done twice, and the run finishes."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from support.home import make_home
from support.served import processes_of, rest, served

from engram.client.api import Api
from engram.errors import ServerAway
from engram.files import read_json

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")


@pytest.fixture
def idle(tmp_path):
    """A server that knows the toy recipe and does nothing."""
    home = make_home(tmp_path, rows=150)
    with served(home, known=True) as one:
        text = (home.folder / "toy.yaml").read_text().replace("path: tickets.csv", f"path: {home.folder}/tickets.csv")
        one.call("POST", "/recipes", {"text": text}, repeatable=True)
        yield one
    assert processes_of(tmp_path) == []


@pytest.fixture
def server(idle):
    """A server in the middle of a run."""
    queue(idle)
    return idle


def queue(server):
    """Queue a run of the toy recipe."""
    asked = {"recipe": "toy"}
    server.run = server.call("POST", "/runs", asked, headers={"Idempotency-Key": "k"}, repeatable=True)["id"]


def until(server, kind, stage):
    """Ask until the run has said something."""

    def alive():
        assert server.call("GET", f"/runs/{server.run}")["state"] in ("queued", "running", "lost_contact")

    server.hear(server.run, lambda one: (one["type"], one["stage"]) == (kind, stage), alive)


def check(server, attempts, told=None):
    """The run ends as if nothing had happened: every event of every attempt is stored once, every entry made once.

    told: the attempts that were heard of; absent means all.
    """
    record = server.wait(server.run, "published")
    assert record["attempt"] == attempts
    folder = server.home.home / "runs" / server.run
    for number in told or range(1, attempts + 1):
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


# In the order in which a run comes by them.
POINTS = (
    "server.before-launch",
    "server.after-launch",
    "server.after-declared",
    "server.after-ingest",
    "server.after-judged",
    "server.after-publish",
    "server.after-state",
)


def test_a_server_that_dies_at_each_named_point_of_a_run_loses_nothing_and_does_nothing_twice(idle):
    idle.stop()
    with ThreadPoolExecutor(1) as person:
        asked = person.submit(queue, idle)  # she asks again, under the same key, until somebody answers
        for point in POINTS:
            idle.start(crashpoint=point)
            assert idle.died(), point
        idle.start()
        asked.result()
    check(idle, attempts=2, told=[2])  # the first was written down, and its server died before it was launched


def test_a_server_that_dies_between_the_ledger_and_a_deployment_has_none_and_makes_one_when_asked_again(server):
    made = server.wait(server.run, "published")
    server.stop()
    server.start(crashpoint="server.before-deployed")
    asked, key = {"name": "tickets", "artifact": made["artifact"]}, {"Idempotency-Key": "d"}
    busy = {"simulate": "advisory"}  # the tests' machine may be
    with Api(server.url, server.key) as api:
        while server.process.poll() is None:  # until it listens, and dies
            with suppress(ServerAway):
                api.call("POST", "/api/v1/deployments", asked, headers=key, query=busy)
    assert server.died()
    server.start()
    assert server.call("GET", "/deployments")["items"] == []
    again = server.call("POST", "/deployments", asked, headers=key, repeatable=True, query=busy)
    entries = server.call("GET", "/ledger/entries", query={"limit": 200})["items"]
    subjects = [one["subject"] for one in entries if one["type"] == "deployment.changed"]
    assert subjects.count(again["id"]) == 1
    assert len(subjects) == 2  # the first names one that never answered
    assert [one["id"] for one in server.call("GET", "/deployments")["items"]] == [again["id"]]


@pytest.mark.parametrize("point", ["core.after-start", "core.after-note"])
def test_a_core_that_dies_while_it_launches_leaves_one_attempt_at_work(idle, point):
    idle.stop()
    idle.start(crashpoint=point)
    with Api(idle.url, idle.key, patience=240.0) as api:
        asked = ("POST", "/api/v1/runs", {"recipe": "toy"})
        idle.run = api.call(*asked, headers={"Idempotency-Key": "k"}, repeatable=True)["id"]
    while not list((idle.home.home / "runs" / idle.run).glob("attempt-1/spec.json")):
        rest()
    idle.kill()
    idle.start()
    record = idle.wait(idle.run, "published")
    check(idle, record["attempt"], told=[record["attempt"]])  # the others had no time to say anything


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
