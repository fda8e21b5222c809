"""`status` lists the runs in progress; `stop` asks them, waits, and ends only what is known to be ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def new_run(tmp_path):
    def make(name, state, *, pid=None, attempt=1):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps({"state": state, "recipe": "tickets", "stage": "train"}))
        if pid is not None:
            (folder / f"attempt-{attempt}").mkdir()
            (folder / f"attempt-{attempt}" / "pid").write_text(f"{pid}\n")
        return folder

    return make


@pytest.fixture
def ours():
    """A living process that calls itself engram."""
    yield from living("engram")


@pytest.fixture
def stranger():
    """A living process that has nothing to do with Engram."""
    yield from living("thesis.py")


def living(argument):
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.stdout.readline()
    yield child
    child.kill()
    child.communicate()


class Clock:
    """Time that passes when somebody pauses."""

    def __init__(self, on_pause=lambda: None):
        self.now, self.on_pause = 0.0, on_pause

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds
        self.on_pause()


def stop(running, home, clock):
    said, ended = [], []
    code = running.stop(home, said.append, clock=clock, pause=clock.pause, end=ended.append)
    return code, "\n".join(said), ended


def test_only_runs_in_progress_are_listed(running, new_run, tmp_path):
    for state in ("queued", "running", "cancelling", "published", "refused", "paused"):
        new_run(f"r_{state}", state)
    assert [one.state for one in running.running(tmp_path)] == ["cancelling", "queued", "running"]


def test_an_unreadable_record_is_no_run(running, tmp_path):
    for name, text in (("a", "{"), ("b", "[]")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text(text)
    assert running.running(tmp_path) == []


def test_a_process_is_ours_only_if_it_says_so(running, new_run, ours, stranger):
    assert running.process_of(new_run("r_a", "running", pid=ours.pid)) == ours.pid
    assert running.is_alive(stranger.pid)
    assert running.process_of(new_run("r_b", "running", pid=stranger.pid)) is None
    assert running.process_of(new_run("r_c", "running", pid="rm -rf")) is None


def test_the_newest_attempt_counts(running, new_run, ours):
    new_run("r_a", "running", pid=999_999_999, attempt=9)
    folder = new_run("r_a", "running", pid=ours.pid, attempt=10)
    assert running.process_of(folder) == ours.pid


def test_the_home_is_held_only_while_its_owner_lives(running, tmp_path):
    assert running.owner(tmp_path) == ""
    (tmp_path / "lock").write_text(f"engram train (process {os.getpid()})")
    assert running.owner(tmp_path) == f"engram train (process {os.getpid()})"
    (tmp_path / "lock").write_text("engram train (process 999999999)")
    assert running.owner(tmp_path) == ""


def test_stop_with_nothing_to_do(running, tmp_path):
    assert stop(running, tmp_path, Clock()) == (0, "Nothing is running.", [])


def test_stop_asks_and_waits_until_the_run_has_stopped(running, new_run, ours, tmp_path):
    folder = new_run("r_a", "running", pid=ours.pid)

    def answer():
        assert json.loads((folder / "control.json").read_text()) == {"command": "cancel"}
        (folder / "run.json").write_text(json.dumps({"state": "cancelled"}))

    code, said, ended = stop(running, tmp_path, Clock(answer))
    assert (code, ended) == (0, [])
    assert "r_a: cancelled." in said


def test_stop_ends_our_process_after_thirty_seconds(running, new_run, ours, tmp_path):
    new_run("r_a", "running", pid=ours.pid)
    clock = Clock()
    code, said, ended = stop(running, tmp_path, clock)
    assert (code, ended) == (0, [ours.pid])
    assert clock.now == 30
    assert "did not stop within 30 s" in said


def test_stop_never_ends_a_process_that_is_not_known_to_be_ours(running, new_run, stranger, tmp_path):
    new_run("r_a", "running", pid=stranger.pid)
    (tmp_path / "lock").write_text(f"somebody (process {os.getpid()})")
    code, said, ended = stop(running, tmp_path, Clock())
    assert (code, ended) == (1, [])
    assert "held by somebody" in said


def test_a_run_that_was_killed_is_said_to_be_resumable(running, new_run, tmp_path):
    new_run("r_a", "running", pid=999_999_999)
    code, said, ended = stop(running, tmp_path, Clock())
    assert (code, ended) == (0, [])
    assert "goes on from its checkpoint" in said
