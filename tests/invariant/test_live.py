"""Whatever the moments at which a client leaves and comes back, it has each stored event once, and none besides."""

from __future__ import annotations

import random
import sys
import threading

import pytest
from support.live import ask, loopback, messages, until

from engram.security.limits import DEFAULT_BUDGETS, make_limits
from engram.server.live import connection, hub
from engram.store.records import events, runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")


@pytest.fixture
def server(tmp_path):
    with loopback(tmp_path / "home") as one:
        one.platform.limits = make_limits({**DEFAULT_BUDGETS, "ws.connect": "10000/minute", "*": "100000/minute"})
        yield one


def stored(server, run):
    """Return the cursors of a run's events, read page by page."""
    found = []
    with server.platform.db.read() as tx:
        while page := events.replay(tx, found[-1] if found else 0, run=run):
            found += [one.id for one in page]
    return found


class Client:
    """Keeps what it hears of a run's events; after a `resync` it reads them again from the store, as a page would."""

    def __init__(self, server, run):
        self.server, self.run, self.heard, self.resyncs, self.finished = server, run, [], 0, False

    def listen(self, most):
        """Come back with the last number, take some messages, and leave."""
        with self.server.connect("root") as ws:
            ask(ws, f"events/{self.run}", self.heard[-1] if self.heard else 0)
            for number, message in enumerate(messages(ws)):
                self.take(message)
                if self.finished or number >= most:
                    return

    def take(self, message):
        if message["type"] == "resync":
            self.resyncs += 1
            known = stored(self.server, self.run)
            self.heard += [one for one in known if one <= message["seq"] and one not in self.heard]
            self.finished |= self.ended_by(message["seq"])
        elif message["type"] == "event":
            assert not self.heard or message["seq"] > self.heard[-1]
            self.heard.append(message["seq"])
            self.finished |= message["event"]["type"] == "finished"

    def ended_by(self, seq):
        with self.server.platform.db.read() as tx:
            last = events.last_of(tx, self.run, ["finished"])
        return last is not None and last.id <= seq


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(one, marks=pytest.mark.slow) for one in range(2, 20))])
@pytest.mark.parametrize("missed", [1000, 20], ids=["replayed", "resynced"])
def test_a_client_that_leaves_and_comes_back_has_every_event_once(server, monkeypatch, seed, missed):
    monkeypatch.setattr(connection, "FRAMES_A_SECOND", 1000)
    monkeypatch.setattr(hub, "ROUND_SECONDS", 0.002)
    monkeypatch.setattr(hub, "MOST_MISSED", missed)
    draw = random.Random(seed)
    speaker, other = server.begin(server.run()), server.begin(server.run())

    def write():
        for _ in range(40):
            speaker.say(draw.randint(1, 12))
            other.say(draw.randint(0, 3))
        speaker.say(kind="finished")

    writer = threading.Thread(target=write)
    clients = [Client(server, speaker.run) for _ in range(3)]

    def read(client, chance):
        while not client.finished:
            client.listen(chance.randint(0, 90))

    readers = [
        threading.Thread(target=read, args=(client, random.Random(100 * seed + place)))
        for place, client in enumerate(clients)
    ]
    for thread in (writer, *readers):
        thread.start()
    for thread in (writer, *readers):
        thread.join(timeout=60)
    known = stored(server, speaker.run)
    assert len(known) == speaker.said
    for client in clients:
        assert client.heard == known
    late = Client(server, speaker.run)
    read(late, random.Random(seed))
    assert (late.heard, bool(late.resyncs)) == (known, missed == 20)


@pytest.mark.parametrize("talking", [False, True], ids=["changes", "changes and progress"])
def test_the_newest_state_of_every_run_arrives_whenever_a_client_leaves(server, monkeypatch, talking):
    monkeypatch.setattr(connection, "FRAMES_A_SECOND", 1000)
    monkeypatch.setattr(hub, "ROUND_SECONDS", 0.002)
    made = [server.run() for _ in range(5)]
    speakers = [server.begin(run) for run in made] if talking else []
    draw = random.Random(7)

    def write():
        for step in range(100):
            if talking:
                draw.choice(speakers).say(kind="metric", step=step, total=100)
            with server.platform.db.write() as tx:
                runs.change_run(tx, draw.choice(made), priority=draw.randint(0, 9))
        with server.platform.db.write() as tx:
            runs.change_run(tx, made[0], stage="end")

    writer = threading.Thread(target=write)
    writer.start()
    seen, last, ended = {}, 0, False
    while not ended:
        with server.connect("root") as ws:
            ask(ws, "runs", last)
            for number, message in enumerate(messages(ws)):
                if message["type"] == "run":
                    assert message["seq"] >= last or talking  # progress comes under the number of the last change
                    assert message["version"] >= seen.get(message["id"], 0)
                    seen[message["id"]], last = message["version"], max(last, message["seq"])
                    ended = message["stage"] == "end"
                if ended or number > draw.randint(0, 6):
                    break
    writer.join()
    with server.platform.db.read() as tx:
        assert seen == {run: runs.get_run(tx, run).version for run in made}


def test_a_number_of_another_life_of_the_home_is_told_to_read_again(server):
    speaker = server.begin(server.run())
    speaker.say(3)
    with server.connect("root") as ws:
        ask(ws, f"events/{speaker.run}", 10**6)
        seen = messages(ws)
        assert until(seen, type="resync")[-1]["seq"] == stored(server, speaker.run)[-1]
        speaker.say()
        assert next(seen)["seq"] == stored(server, speaker.run)[-1]


def test_what_the_others_hear_while_a_client_is_let_in_reaches_her_too(server, monkeypatch):
    speaker = server.begin(server.run())
    look, armed = server.hub._first_look, []
    with server.connect("root") as first, server.connect("root") as second:
        ask(first, f"events/{speaker.run}")
        seen = messages(first)
        assert next(seen)["type"] == "subscribed"

        def slow_look(*given):
            found = look(*given)
            if armed:
                armed.pop()
                speaker.say(3)
                assert [next(seen)["type"] for _ in range(3)] == ["event"] * 3
            return found

        monkeypatch.setattr(server.hub, "_first_look", slow_look)
        armed.append(True)
        ask(second, f"events/{speaker.run}", 0)
        told = messages(second)
        assert next(told)["type"] == "subscribed"
        assert [next(told)["seq"] for _ in range(3)] == stored(server, speaker.run)
        assert not armed
