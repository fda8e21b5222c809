"""Two servers on one PostgreSQL: one is active, the other waits, and takes over when the first is killed or ends."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from support import postgres
from support.home import make_home
from support.served import processes_of, rest, served

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc"),
    pytest.mark.skipif(bool(postgres.why_not()), reason=postgres.why_not() or "-"),
]


@pytest.fixture
def server(tmp_path):
    """The active server of a home on PostgreSQL, in the middle of a run."""
    home = replace(make_home(tmp_path, rows=150), environment={"ENGRAM_DATABASE_URL": postgres.server().fresh()})
    with served(home) as one:
        text = (home.folder / "toy.yaml").read_text().replace("path: tickets.csv", f"path: {home.folder}/tickets.csv")
        one.call("POST", "/recipes", {"text": text}, repeatable=True)
        one.run = one.call("POST", "/runs", {"recipe": "toy"}, headers={"Idempotency-Key": "k"}, repeatable=True)["id"]
        yield one
    assert processes_of(tmp_path) == []


def test_a_standby_takes_over_from_a_server_that_is_killed(server):
    log = server.home.folder / "standby.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "engram.cli.main", "up", "--port", str(server.port)]
        standby = subprocess.Popen(
            command, env=server.home.env(None), cwd=server.home.folder, stdout=out, stderr=subprocess.STDOUT
        )
    while "Standby: the server" not in log.read_text():
        assert standby.poll() is None, log.read_text()
        assert server.call("GET", "/users/me")["role"] == "admin"
        rest()
    server.hear(server.run, lambda one: (one["type"], one["stage"]) == ("metric", "train"), lambda: None)
    server.kill()
    server.process = standby  # it listens where the first one did; attempts and clients find it there
    record = server.wait(server.run, "published")
    assert (record["attempt"], record["state"]) == (1, "published")
    stored = [one["seq"] for one in server.events(server.run)]
    assert stored == list(range(len(stored)))
    assert server.home.engram("verify", str(server.home.home / "ledger")).returncode == 0
    assert standby.poll() is None
