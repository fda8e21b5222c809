"""kill -9 of server, core and attempt after random numbers of events: no event lost or doubled, and every run ends.

Five kills of each process here, two hundred with ``--slow``. The seed is printed by a failing test's name.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.home import make_home
from support.served import processes_of, rest, served

from engram.files import read_json
from engram.server.scheduler import MOST_ATTEMPTS

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")
FEWEST, MOST = 1, 12  # journal lines between two kills; a run of four epochs writes about sixty
MOST_IN_VAIN = MOST_ATTEMPTS - 1  # killed attempts in a row without a report or a checkpoint
MOST_CORES = 3  # killed cores in a row, before a new server, whose keeper doesn't wait longer with each of them
EVERY = pytest.mark.parametrize("whom", ["server", "core", "attempt"])


@pytest.fixture
def server(tmp_path):
    home = make_home(tmp_path, rows=150)
    with served(home, known=True) as one:
        text = (home.folder / "toy.yaml").read_text().replace("path: tickets.csv", f"path: {home.folder}/tickets.csv")
        one.call("POST", "/recipes", {"text": text}, repeatable=True)
        yield one
    assert processes_of(tmp_path) == []


@EVERY
def test_five_kills_at_random(server, whom):
    kill_at_random(server, whom, kills=5, seed=7, epochs=4)


@pytest.mark.slow
@EVERY
def test_two_hundred_kills_at_random(server, whom):
    kill_at_random(server, whom, kills=200, seed=11, epochs=40)  # long ones: a run bears many kills


def kill_at_random(server, whom, kills, seed, epochs):
    """Start runs one after the other until a process was killed so often in their middle; each must come out right."""
    chance, done, number = random.Random(seed), 0, 0
    while done < kills:
        number += 1
        asked = {"recipe": "toy", "set": [f"train.num_train_epochs={epochs}"]}
        run = server.call("POST", "/runs", asked, headers={"Idempotency-Key": f"r{number}"}, repeatable=True)
        folder = server.home.home / "runs" / run["id"]
        in_vain, before = 0, progress(folder)
        while done < kills and passes(folder, chance.randint(FEWEST, MOST)):
            if (now := progress(folder)) > before:
                in_vain, before = 0, now
            if whom == "attempt" and in_vain == MOST_IN_VAIN:
                continue  # the platform gives up after one more attempt that gets nowhere, and rightly
            killed = strike(server, whom, folder)
            done, in_vain = done + killed, in_vain + killed
            if whom == "core" and killed and done % MOST_CORES == 0:
                strike(server, "server", folder)
        check(server, run["id"], folder)
    certified = Counter(one["type"] for one in entries(server))["artifact.certified"]
    assert certified == len({one["artifact"] for one in server.call("GET", "/runs", query={"limit": 200})["items"]})
    assert server.home.engram("verify", str(server.home.home / "ledger")).returncode == 0


def passes(folder: Path, lines: int) -> bool:
    """Wait until a run's journals have so many lines more; False when it ends before."""
    due = said(folder) + lines
    while said(folder) < due:
        if read_json(folder / "run.json")["state"] == "published":
            return False
        rest()
    return True


def said(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("attempt-*/journal.jsonl"))


def progress(folder: Path) -> int:
    """Return how many reports and checkpoints a run's attempts have told."""
    told = b"".join(path.read_bytes() for path in folder.glob("attempt-*/journal.jsonl"))
    return sum(told.count(b'"type":"%s"' % name) for name in (b"report", b"checkpoint"))


def strike(server, whom, folder) -> int:
    """Kill a process; return 1 when it lived."""
    if whom == "server":
        server.kill()
        server.start()
        return 1
    note = server.home.home / "core.json" if whom == "core" else newest(folder) / "process.json"
    if not note.exists():
        return 0
    try:
        kill = os.kill if whom == "core" else os.killpg
        kill(int(read_json(note)["pid"]), signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def newest(folder: Path) -> Path:
    return max(folder.glob("attempt-*"), key=lambda path: int(path.name.removeprefix("attempt-")))


def check(server, run, folder):
    """The run is published; what its journals hold is stored once and in order, and each stage was judged once."""
    record = server.wait(run, "published")
    events = server.events(run)
    for path in folder.glob("attempt-*"):
        number = int(path.name.removeprefix("attempt-"))
        stored = [one["seq"] for one in events if one["attempt"] == number]
        assert stored == list(range(len(stored)))
        journal = path / "journal.jsonl"  # an attempt that was killed before its first word has none
        assert len(stored) == (journal.read_bytes().count(b"\n") if journal.exists() else 0)
    counted = Counter(one["type"] for one in entries(server) if one["subject"] == run)
    assert (counted["run.declared"], counted["run.judged"]) == (1, 5)
    assert record["artifact"]


def entries(server):
    found, start = [], 0
    while start is not None:
        page = server.call("GET", "/ledger/entries", query={"limit": 200, "start": start})
        found, start = found + page["items"], page["next"]
    return found
