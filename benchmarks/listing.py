"""What `r11_lists.py` measures: a home with many runs and points, and the requests of a page that lists them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import race
import uvicorn
from sqlalchemy import insert

from engram.schema.codec import to_dict
from engram.schema.state import STATES
from engram.security.api_keys import make_api_key
from engram.security.limits import make_limits
from engram.server.app import create_app
from engram.server.live.protocol import OPTIONS
from engram.server.main import open_platform
from engram.server.platform import Platform
from engram.settings import load_settings
from engram.store import tables
from engram.store.pages import make_cursor
from engram.store.records import users

USERS, RARE, BATCH = 20, "failed_platform", 10_000
FIRST = 1_700_000_000_000_000
PER_PAGE = 50
SERIES = tuple(f"curve_{number}" for number in range(5))


@dataclass(frozen=True)
class Plan:
    """How much there is: runs; points of all runs together; points of each curve of the one long run; requests each."""

    home: str
    runs: int
    points: int
    long: int
    requests: int


def identity(number: int) -> str:
    """Return the id of a run by its number.

    >>> identity(7)
    'r_00000000000000000000000007'
    """
    return f"r_{number:026d}"


def fill(plan: Plan) -> dict[str, str]:
    """Load everything in bulk; return a key of an Admin, a Developer, and a Developer who has no runs (`idle`)."""
    with opened(plan) as here:
        with here.db.write() as tx:
            ids = [users.create_user(tx, name=f"user{number}", role="developer").id for number in range(USERS)]
            admin = users.create_user(tx, name="root", role="admin").id
            for start in range(0, plan.runs, BATCH):
                tx.execute(insert(tables.runs), [_run(n, ids) for n in range(start, min(plan.runs, start + BATCH))])
        rest = plan.points - len(SERIES) * plan.long
        short = [(identity(1 + n // 100), SERIES[0], n % 100) for n in range(rest)]
        long = [(identity(0), name, step) for name in SERIES for step in range(plan.long)]
        with here.db.write() as tx:
            for start in range(0, plan.points, BATCH):
                tx.execute(insert(tables.points), [_point(*one) for one in (short + long)[start : start + BATCH]])
            idle = users.create_user(tx, name="idle", role="developer").id
        keys = {"root": admin, "dev": ids[0], "idle": idle}
        return {name: make_api_key(here.keys, one, name, ["*"], time.time).text for name, one in keys.items()}


def _run(number: int, owners: list[str]) -> dict[str, Any]:
    """Return a row; one state is as rare as failures should be, and four of five runs are published."""
    others = [one for one in STATES if one != RARE]
    state = RARE if number % 100 == 0 else "published" if number % 5 else others[number // 5 % len(others)]
    return {
        "id": identity(number), "recipe": f"recipe-{number % 50}", "owner": owners[number % USERS], "kind": "language",
        "task": "classify", "state": state, "stage": "train", "reason": "", "priority": 0, "attempt": 1, "epoch": 1,
        "recipe_digest": "sha256:" + "0" * 64, "split_digest": "", "body": BODY, "metrics": {"accuracy": 0.9},
        "artifact": "", "pinned": False, "shared": False, "change": number + 1, "created": FIRST + number,
        "updated": FIRST, "version": 1,
    }  # fmt: skip


def _point(run: str, name: str, step: int) -> dict[str, Any]:
    value = random.Random(step).random()
    where = {"run": run, "stage": "train", "name": name, "step": step}
    return {**where, "value": value, "time": FIRST + step, "attempt": 1, "seq": step}


def _body() -> Any:
    from engram.config.load import load_recipe
    from engram.recipes import __file__ as recipes

    return to_dict(load_recipe(str(Path(recipes).with_name("quickstart.yaml"))).recipe)


@contextlib.contextmanager
def opened(plan: Plan) -> Iterator[Platform]:
    """Open the home."""
    settings = load_settings({"ENGRAM_HOME": plan.home})
    with open_platform(settings, "http://127.0.0.1:1") as (platform, _):
        platform.limits = make_limits({"*": "100000000/minute"})
        yield platform


@contextlib.contextmanager
def listening(here: Platform) -> Iterator[int]:
    """Serve an open home on the loopback, in a thread of this process, and yield the port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)  # who connects before the server accepts waits
    server = uvicorn.Server(uvicorn.Config(create_app(here), log_config=None, access_log=False, **OPTIONS))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


Ask = Callable[[int], tuple[str, str]]


def requests(plan: Plan) -> dict[str, tuple[Ask, Callable[[Any], bool]]]:
    """Return what is asked, by name: the path and the key of the n-th request, and what its answer must be."""
    deep = [make_cursor("runs", FIRST + place, identity(place)) for place in range(plan.runs // 2, 0, -PER_PAGE)]

    def full(said: Any) -> bool:
        return len(said["items"]) == min(PER_PAGE, plan.runs)

    def own(said: Any) -> bool:
        return bool(said["items"]) and len({one["owner"] for one in said["items"]}) == 1

    def rare(said: Any) -> bool:
        return bool(said["items"]) and all(one["state"] == RARE for one in said["items"])

    def none(said: Any) -> bool:
        return said["items"] == []

    def points(many: int) -> Callable[[Any], bool]:
        return lambda said: [one["count"] for one in said["series"]] == [many] and len(said["series"][0]["points"]) > 0

    of = "/api/v1/runs"
    return {
        "first page, an Admin's": (lambda n: (of, "root"), full),
        "first page, a Developer's": (lambda n: (of, "dev"), own),
        "by a rare state, an Admin's": (lambda n: (f"{of}?state={RARE}", "root"), rare),
        "by a rare state, a Developer's": (lambda n: (f"{of}?state={RARE}", "dev"), rare),
        "by a common state, of one who has none": (lambda n: (f"{of}?state=published", "idle"), none),
        "by recipe and state": (lambda n: (f"{of}?state={RARE}&recipe=recipe-0", "root"), rare),
        "by a name that no run has": (lambda n: (f"{of}?named=nobody", "root"), none),
        "deep pages": (lambda n: (f"{of}?after={deep[n % len(deep)]}", "root"), full),
        "one curve of 100 points": (lambda n: (f"{of}/{identity(1 + n)}/metrics", "root"), points(100)),
        f"one curve of {plan.long} points": (
            lambda n: (f"{of}/{identity(0)}/metrics?name={SERIES[n % len(SERIES)]}", "root"),
            points(plan.long),
        ),
    }


def measure(plan: Plan, keys: dict[str, str]) -> dict[str, list[tuple[float, float]]]:
    """Ask everything `plan.requests` times over one connection; return wall and CPU seconds of each, by name.

    The CPU seconds are those of this process: server and client.
    """
    with opened(plan) as here, listening(here) as port:
        link = http.client.HTTPConnection("127.0.0.1", port)
        return {name: _timed(link, keys, plan.requests, *what) for name, what in requests(plan).items()}


def _timed(
    link: http.client.HTTPConnection, keys: dict[str, str], many: int, ask: Ask, right: Callable[[Any], bool]
) -> list[tuple[float, float]]:
    seconds = []
    for number in range(many):
        path, name = ask(number)
        began, cpu = time.perf_counter(), time.process_time()
        link.request("GET", path, headers={"Authorization": f"Bearer {keys[name]}"})
        answer = link.getresponse()
        content = answer.read()
        seconds.append((time.perf_counter() - began, time.process_time() - cpu))
        if answer.status != 200 or not right(json.loads(content)):
            raise race.RaceFailed(f"NOT EQUAL: {path} answered {answer.status}: {content[:300]!r}")
    return seconds


BODY = _body()

if __name__ == "__main__":
    plan = Plan(**json.loads(sys.argv[2]))
    note = Path(plan.home).with_suffix(".keys")
    if sys.argv[1] == "fill":
        note.write_text(json.dumps(fill(plan)))
    else:
        began, cpu = time.perf_counter(), time.process_time()
        found = measure(plan, json.loads(note.read_text()))
        race.report_result(
            wall_s=time.perf_counter() - began, cpu_s=time.process_time() - cpu, seconds=found, plan=asdict(plan)
        )
    os._exit(0)  # threads of a library may linger
