"""What each topic tells, and that what is told often leaves seldom."""

from __future__ import annotations

import sys

import pytest
from support.artifacts import make_artifact
from support.live import ask, loopback, messages, until

from engram.gate.digest import report_digest
from engram.schema.report import Report
from engram.schema.verdict import Verdict
from engram.security.limits import DEFAULT_BUDGETS, make_limits
from engram.server.live import connection
from engram.store.records import artifacts, deployments, evidence, runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with loopback(tmp_path_factory.mktemp("topics")) as one:
        one.platform.limits = make_limits({**DEFAULT_BUDGETS, "ws.connect": "10000/minute", "*": "100000/minute"})
        yield one


@pytest.fixture
def heard(server):
    """Return a function that subscribes an Admin and gives her messages."""
    with server.connect("root") as ws:

        def begin(topic, since=None):
            ask(ws, topic, since)
            stream = messages(ws)
            assert next(stream)["type"] == "subscribed"
            return stream

        begin.ws = ws
        yield begin


def test_runs_tells_states_and_progress(server, heard):
    seen = heard("runs")
    speaker = server.begin(server.run())
    told = until(seen, id=speaker.run, state="running")[-1]
    assert (told["flag"], told["stage"], told["progress"]) == ("In Progress", "train", None)
    speaker.say(kind="metric", step=3, total=10, loss=0.5)
    again = until(seen, id=speaker.run, progress={"done": 3, "total": 10, "what": "steps"})[-1]
    assert (again["seq"], again["version"]) == (told["seq"], told["version"])
    with server.platform.db.write() as tx:
        runs.step_run(tx, speaker.run, "published")
    assert until(seen, id=speaker.run, state="published")[-1]["progress"] is None


def test_everybody_who_saw_a_run_is_told_that_it_was_deleted(server, heard):
    run = server.run("ann")
    with server.connect("bob") as ws:
        ask(ws, "runs")
        others = messages(ws)
        assert next(others)["type"] == "subscribed"
        seen = heard("runs")
        with server.platform.db.write() as tx:
            runs.change_run(tx, run, shared=True)
        assert [until(each, id=run)[-1]["deleted"] for each in (seen, others)] == [False, False]
        with server.platform.db.write() as tx:
            runs.delete_run(tx, run)
        assert [until(each, id=run)[-1]["deleted"] for each in (seen, others)] == [True, True]


def test_a_run_is_told_as_rest_shows_it(server, heard):
    run = server.run()
    seen = heard(f"run/{run}")
    first = next(seen)
    assert (first["type"], first["seq"], first["run"]["id"]) == ("record", first["run"]["version"], run)
    with server.platform.db.write() as tx:
        changed = runs.change_run(tx, run, priority=5)
    told = next(seen)
    assert (told["seq"], told["run"]["priority"]) == (changed.version, 5)


def test_who_has_the_newest_of_a_whole_topic_gets_nothing_twice(server, heard):
    run = server.run()
    newest = next(heard(f"run/{run}"))["seq"]
    ask(heard.ws, f"run/{run}", newest)
    ask(heard.ws, "ledger")
    assert [one["type"] for one in until(messages(heard.ws), type="subscribed", topic="ledger")] == ["subscribed"] * 2


def test_a_deployment_tells_its_changes(server, heard):
    digest = make_artifact(server.platform.home / "artifacts", "one")
    whose = {"owner": server.ids["ann"], "kind": "language", "task": "classify"}
    with server.platform.db.write() as tx:
        artifacts.put_artifact(tx, digest=digest, name="one", run="r_1", bytes=1, **whose)
        made = deployments.create_deployment(
            tx, name="one", owner=server.ids["ann"], artifact=digest, actor=server.ids["ann"]
        )
    seen = heard("deployment/one")
    assert next(seen)["deployment"]["artifact"] == digest
    with server.platform.db.write() as tx:
        deployments.change_deployment(tx, made.id, actor=server.ids["ann"], state="stopped")
    assert next(seen)["deployment"]["state"] == "stopped"


def test_reviews_tell_who_waits_and_who_waits_no_more(server, heard):
    seen = heard("reviews")
    plain, asked = server.begin(server.run()).run, server.begin(server.run()).run
    verdict = Verdict(asked, "train", "review", (), report_digest(Report(asked, "train", 1, {})))
    with server.platform.db.write() as tx:
        evidence.put_verdict(tx, verdict)
        runs.step_run(tx, asked, "awaiting_review")
        runs.step_run(tx, plain, "published")
    first = next(seen)
    assert (first["run"], first["waiting"], first["stages"]) == (asked, True, ["train"])
    with server.platform.db.write() as tx:
        runs.step_run(tx, asked, "running")
    assert until(seen, run=asked, waiting=False)


def test_the_ledger_tells_its_size_and_checkpoint(server, heard):
    seen = heard("ledger")
    with server.platform.writing:
        server.platform.ledger.append("run.declared", "r_1", {}, "u_1")
        size, note = server.platform.ledger.size, server.platform.ledger.checkpoint
    told = until(seen, seq=size)[-1]
    assert told["checkpoint"].encode() == note


def test_the_machine_is_told_to_admins(server, heard):
    waiting = server.run()
    told = next(heard("system"))
    assert all(0 <= told[part] <= 1 for part in ("cpu", "memory", "disk"))
    assert told["queue"] >= 1, waiting
    assert told["slots"] is None  # there is no core here


def test_what_is_told_often_leaves_in_few_frames(server, heard):
    speaker = server.begin(server.run())
    heard(f"events/{speaker.run}")
    for _ in range(40):
        speaker.say(5)
    frames, found = 0, 0
    while found < 200:
        found += heard.ws.recv(timeout=30).count('"type":"event"')
        frames += 1
    assert found == 200
    assert frames <= 40
    assert connection.FRAMES_A_SECOND == 10


def test_what_is_unsubscribed_is_heard_no_more(server, heard):
    speaker = server.begin(server.run())
    seen = heard(f"events/{speaker.run}")
    ask(heard.ws, f"events/{speaker.run}", kind="unsubscribe")
    assert next(seen)["type"] == "unsubscribed"
    speaker.say()
    ask(heard.ws, "ledger")
    assert not [one for one in until(messages(heard.ws), type="subscribed", topic="ledger") if one["type"] == "event"]


def test_an_event_that_fits_no_frame_asks_to_read_again(server, heard):
    speaker = server.begin(server.run())
    seen = heard(f"events/{speaker.run}")
    speaker.say(text="x" * 70_000)
    assert next(seen)["type"] == "resync"
    speaker.say(text="small")
    assert next(seen)["event"]["body"] == {"text": "small"}


def test_the_openapi_document_describes_the_messages(server):
    document = server.app.openapi()
    known = document["components"]["schemas"]
    assert {"Frame", "Subscribe", "Unsubscribe", "EventTold", "RunChanged", "Resync", "RunOut"} <= set(known)
    told = {one["$ref"].rsplit("/", 1)[1] for one in known["Frame"]["properties"]["messages"]["items"]["anyOf"]}
    assert told <= set(known)
    assert server.app.openapi() is document
