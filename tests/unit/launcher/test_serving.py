"""The home's server is found by what it wrote down, and ended in peace; what is not ours is never ended."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def living(argument):
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.stdout.readline()
    return child


@pytest.fixture
def processes():
    """Makes living processes that call themselves something, and ends them in the end."""
    made = []

    def make(argument):
        made.append(living(argument))
        return made[-1]

    yield make
    for child in made:
        child.kill()
        child.communicate()


@pytest.fixture
def notes(tmp_path):
    """Writes down where something of the home runs."""

    def write(name, **said):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said))

    return write


class Ender:
    """Ends processes when it is told to, and keeps the list; time passes when somebody pauses."""

    def __init__(self, *children, deaf=()):
        self.children, self.deaf, self.ended, self.now = {one.pid: one for one in children}, deaf, [], 0.0

    def __call__(self, pid):
        self.ended.append(pid)
        if pid not in self.deaf:
            self.children[pid].kill()
            self.children[pid].wait()

    def pause(self, seconds):
        self.now += seconds


def stop(serving, home, ender):
    said = []
    code = serving.stop(home, said.append, clock=lambda: ender.now, pause=ender.pause, end=ender)
    return code, "\n".join(said)


def test_a_server_that_lives_is_found(serving, processes, notes, tmp_path):
    assert serving.server(tmp_path) is None
    child = processes("engram")
    notes("server.json", url="http://127.0.0.1:3000", pid=child.pid, born="1")
    assert serving.server(tmp_path) == serving.Server(child.pid, "http://127.0.0.1:3000")


def test_a_note_of_somebody_else_or_of_the_dead_is_none(serving, processes, notes, tmp_path):
    for said in ({"pid": processes("thesis.py").pid}, {"pid": 999_999_999}, {"pid": "rm -rf"}, {}):
        notes("server.json", url="x", **said)
        assert serving.server(tmp_path) is None
    (tmp_path / "server.json").write_text("{")
    assert serving.server(tmp_path) is None
    assert not serving.is_there(tmp_path)


def test_the_server_is_asked_and_ends_what_is_its_own(serving, processes, notes, tmp_path):
    child = processes("engram")
    notes("server.json", url="http://127.0.0.1:3000", pid=child.pid)
    ender = Ender(child)
    assert stop(serving, tmp_path, ender) == (
        0,
        "Ending the server at http://127.0.0.1:3000; what trains stops at a checkpoint first.\nThe server has ended.",
    )
    assert ender.ended == [child.pid]


def test_what_a_killed_server_has_left_behind_is_ended(serving, processes, notes, tmp_path):
    core, attempt = processes("engram.core.main"), processes("engram.cli.main")
    notes("core.json", address="127.0.0.1:1", pid=core.pid)
    notes("runs/r_a/attempt-1/process.json", pid=attempt.pid, epoch=1, born="1")
    assert serving.is_there(tmp_path)
    ender = Ender(core, attempt)
    code, said = stop(serving, tmp_path, ender)
    assert (code, ender.ended) == (0, [attempt.pid, core.pid])
    assert said.count("left behind") == 2


def test_a_server_that_does_not_end_is_told(serving, processes, notes, tmp_path):
    child = processes("engram")
    notes("server.json", url="u", pid=child.pid)
    ender = Ender(child, deaf=(child.pid,))
    code, said = stop(serving, tmp_path, ender)
    assert (code, ender.ended, ender.now) == (1, [child.pid], serving.SERVER_SECONDS + serving.running.STOP_SECONDS)
    assert "end it yourself" in said
