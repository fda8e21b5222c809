"""The WebSocket from outside: who comes in, what she hears, and how she is let go."""

from __future__ import annotations

import json
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest
from support.live import PATIENCE, ask, loopback, messages, until
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engram.errors import UnknownName
from engram.security.limits import DEFAULT_BUDGETS, make_limits
from engram.security.operations import OPERATIONS
from engram.security.refresh import begin_family
from engram.security.tokens import make_access_token
from engram.server.app import create_app, sockets
from engram.server.cookies import ACCESS
from engram.server.live import connection, topics
from engram.server.live.hub import MOST_OF_A_USER, MOST_TOPICS
from engram.store.records import artifacts, deployments, roles, users

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with loopback(tmp_path_factory.mktemp("live")) as one:
        yield one


@pytest.fixture(autouse=True)
def full_budgets(server):
    server.platform.limits = make_limits({**DEFAULT_BUDGETS, "ws.connect": "10000/minute", "*": "100000/minute"})


def refused(server, **more):
    """Return the status and the problem of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as caught, server.connect(**more):
        pass
    response = caught.value.response
    return response.status_code, json.loads(response.body)


def closing(ws):
    """Read until the server closes; return its code and words."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            ws.recv(timeout=PATIENCE)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def token_of(server, name):
    tokens = server.platform.entrance.tokens
    text, _ = make_access_token(tokens, server.ids[name], "developer", family_of(server, name))
    return text


def family_of(server, name):
    made = begin_family(server.platform.entrance.families, server.ids[name], server.platform.clock)
    return made.record.family


def hears(ws, topic):
    ask(ws, topic)
    return next(messages(ws))


# --- the policy


def test_every_topic_and_every_socket_has_a_row_in_the_policy():
    names = [*topics.operations(), *(route.name for route in sockets())]
    assert len(topics.TOPICS) >= 7
    assert set(names) <= set(OPERATIONS)
    assert len(set(names)) == len(names)
    for topic in topics.TOPICS:
        assert OPERATIONS[topic.operation].on_object is bool(topic.noun), topic.head
        assert bool(topic.find) is bool(topic.noun), topic.head


def test_a_topic_without_a_row_stops_the_server_at_its_start(server, monkeypatch):
    odd = replace(topics.TOPICS[0], operation="ws.doors")
    monkeypatch.setattr(topics, "TOPICS", (odd,))
    monkeypatch.setattr(topics.operations, "__defaults__", ((odd,),))
    with pytest.raises(UnknownName, match=r"ws\.doors"):
        create_app(server.platform)


# --- the door


def test_nobody_comes_in_without_a_credential(server):
    for more in ({}, {"origin": server.origin}, {"headers": {"Authorization": "Bearer egk_000000000000_" + "A" * 43}}):
        status, said = refused(server, **more)
        assert (status, said["error"]) == (401, "NotSignedIn")


def test_a_token_in_the_address_is_not_read(server):
    key = server.keys["ann"]
    for query in (f"?token={key}", f"?access_token={key}", f"?authorization=Bearer%20{key}"):
        assert refused(server, url=server.url + query)[0] == 401


def test_a_key_opens_by_header_and_a_token_by_protocol(server):
    with server.connect("ann") as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
    token = token_of(server, "ann")
    with server.connect(subprotocols=["engram.v1", f"bearer.{token}"], origin=server.origin) as ws:
        assert ws.subprotocol == "engram.v1"
        assert hears(ws, "ledger")["type"] == "subscribed"


def test_the_cookie_of_a_sign_in_opens_for_the_servers_own_page_only(server):
    cookie = {"headers": {"Cookie": f"{ACCESS}={token_of(server, 'ann')}"}}
    with server.connect(origin=server.origin, **cookie) as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
    assert refused(server, origin="https://evil.example", **cookie)[0] == 403
    assert refused(server, **cookie)[0] == 401


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "http://127.0.0.1.evil.example", "x"],
)
def test_a_foreign_page_stays_outside_whatever_it_shows(server, origin):
    status, said = refused(server, name="ann", origin=origin)
    assert (status, said["error"]) == (403, "Forbidden")


def test_a_name_that_only_leads_here_stays_outside_though_page_and_name_agree(server):
    """A page of a stranger whose name was pointed at this machine (DNS rebinding)."""
    for name in ("evil.example", f"evil.example:{server.port}", f"127.0.0.1.evil.example:{server.port}"):
        way = socket.create_connection(("127.0.0.1", server.port))
        status, said = refused(server, name="ann", url=f"ws://{name}/ws", origin=f"http://{name}", sock=way)
        assert (status, "does not go by that name" in said["detail"]) == (403, True)


def test_a_page_that_sends_two_origins_stays_outside(server):
    with pytest.raises(InvalidStatus) as caught:
        server.connect("ann", origin=server.origin, headers={"Origin": "https://evil.example"})
    assert caught.value.response.status_code in (400, 403)


def test_an_attempts_key_and_a_key_without_the_scope_stay_outside(server):
    attempt = server.platform.make_key(server.ids["ann"], server.run(), 1)
    assert refused(server, headers={"Authorization": f"Bearer {attempt}"})[0] == 403
    narrow = server.new_key("ann", "runs.list")
    assert refused(server, headers={"Authorization": f"Bearer {narrow}"})[0] == 403


def test_connecting_spends_the_budget_that_rest_spends(server):
    server.platform.limits = make_limits({**DEFAULT_BUDGETS, "*": "2/minute"})
    with server.connect("ann"), server.connect("ann"):
        status, said = refused(server, name="ann")
    assert (status, said["error"]) == (429, "Throttled")


def test_one_user_can_not_take_all_places(server):
    with ExitStack() as held:
        for _ in range(MOST_OF_A_USER):
            held.enter_context(server.connect("bob"))
        assert refused(server, name="bob")[0] == 429
        with server.connect("ann"):
            pass


# --- what is heard


def test_what_is_anns_does_not_exist_for_others(server):
    run = server.run("ann")
    with server.platform.db.write() as tx:
        artifacts.put_artifact(
            tx, digest="sha256:" + "a" * 64, name="a", run=run, bytes=1, owner=server.ids["ann"], kind="k", task="t"
        )
        deployments.create_deployment(
            tx, name="anns", owner=server.ids["ann"], artifact="sha256:" + "a" * 64, actor=server.ids["ann"]
        )
    objects = [one for one in topics.TOPICS if one.noun]
    assert len(objects) == 3
    for topic in objects:
        mine, missing = {"deployment": ("anns", "nope")}.get(topic.noun, (run, "r_" + "A" * 26))
        for name in ("bob", "eve"):
            with server.connect(name) as ws:
                anns, none = hears(ws, topic.name(mine)), hears(ws, topic.name(missing))
            assert anns["error"] == none["error"] == "NotFound", topic.head
            assert anns["detail"].replace(mine, "") == none["detail"].replace(missing, "")
        with server.connect("root") as ws:
            assert hears(ws, topic.name(mine))["type"] == "subscribed"


def test_lists_tell_others_nothing(server):
    with server.connect("bob") as bob, server.connect("root") as root:
        for ws in (bob, root):
            assert hears(ws, "runs")["type"] == "subscribed"
        anns, bobs = server.run("ann"), server.run("bob")
        assert [one["id"] for one in until(messages(root), type="run", id=bobs)] == [anns, bobs]
        assert [one["id"] for one in until(messages(bob), type="run", id=bobs)] == [bobs]


@pytest.mark.parametrize("name", ["ann", "eve"])
def test_the_machine_is_for_admins(server, name):
    with server.connect(name) as ws:
        assert hears(ws, "system")["error"] == "Forbidden"
    with server.connect("root") as ws:
        assert hears(ws, "system")["type"] == "subscribed"


@pytest.mark.parametrize("topic", ["doors", "runs/x", "run", "run/", "events", "", "run/../../etc/passwd", "run/\0"])
def test_a_topic_that_is_none_is_refused_in_words(server, topic):
    with server.connect("root") as ws:
        assert hears(ws, topic)["error"] in ("NotFound", "UsageError")


def test_a_connection_hears_a_bounded_number_of_topics(server):
    with server.connect("root") as ws:
        seen = messages(ws)
        for _ in range(MOST_TOPICS + 1):
            ask(ws, f"run/{server.run()}")
        assert until(seen, type="error")[-1]["error"] == "Refused"


# --- frames


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type": "subscribe"}', '{"type": "explode"}', "[" * 60_000, b"\0"])
def test_what_is_no_message_closes_with_words(server, text):
    with server.connect("ann") as ws:
        ws.send(text)
        assert closing(ws)[0] == connection.NOT_UNDERSTOOD


def test_a_frame_beyond_64_kib_closes(server):
    with server.connect("ann") as ws:
        ws.send("x" * (64 * 1024 + 1))
        assert closing(ws)[0] == 1009


def test_messages_spend_the_budget_of_their_topic(server):
    server.platform.limits = make_limits({**DEFAULT_BUDGETS, "*": "5/minute"})
    with server.connect("ann") as ws:
        for _ in range(5):
            ask(ws, "ledger")
        code, words = closing(ws)
    assert code == connection.TOO_OFTEN
    assert "try again in" in words


def dropped(server, code):
    """Return how many connections the server has closed with a code."""
    return server.platform.meters.registry.get_sample_value("engram_websockets_closed_total", {"code": str(code)}) or 0


def test_a_reader_who_does_not_read_is_dropped_with_words_and_others_are_not(server, monkeypatch):
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(connection, "FRAMES_A_SECOND", 1000)
    speaker = server.begin(server.run())
    with server.connect("root", max_queue=1) as slow, server.connect("root") as good:
        for ws in (slow, good):
            ask(ws, f"events/{speaker.run}")
        seen = messages(good)
        assert next(seen)["type"] == "subscribed"
        while not dropped(server, connection.TOO_SLOW):
            speaker.say(20, text="x" * 30_000)
            while next(seen)["type"] not in ("event", "resync"):  # the good one goes on reading
                pass
        code, words = closing(slow)
        assert code == connection.TOO_SLOW
        assert "last seq" in words
        ask(good, "ledger")
        assert until(seen, type="subscribed", topic="ledger")
    assert dropped(server, connection.TOO_SLOW) == 1


# --- the end of a credential


def test_a_connection_ends_with_its_token(server, monkeypatch):
    late = server.platform.clock() + 16 * 60
    with server.connect(headers={"Authorization": f"Bearer {token_of(server, 'ann')}"}) as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
        monkeypatch.setattr(server.platform, "clock", lambda: late)
        assert closing(ws)[0] == connection.NOT_SIGNED_IN


def test_a_connection_ends_with_its_key(server):
    text = server.new_key("ann")
    with server.connect(headers={"Authorization": f"Bearer {text}"}) as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
        began = time.monotonic()
        server.platform.keys.revoke("_".join(text.split("_")[:2]), int(time.time()))
        assert closing(ws)[0] == connection.NOT_SIGNED_IN
        assert time.monotonic() - began < 10  # a second is promised; the bound here only tells it from the slow look


def test_a_connection_ends_with_its_user_and_with_her_role(server):
    with server.platform.db.write() as tx:
        user = users.create_user(tx, name="zoe", role="developer").id
    server.ids["zoe"] = user
    server.keys["zoe"] = server.new_key("zoe")
    with server.connect("zoe") as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
        with server.platform.db.write() as tx:
            users.change_user(tx, user, role="viewer")
        assert closing(ws)[0] == connection.NOT_ALLOWED
    with server.connect("zoe") as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
        with server.platform.db.write() as tx:
            users.change_user(tx, user, disabled=1)
        assert closing(ws)[0] == connection.NOT_SIGNED_IN


def test_a_connection_ends_when_the_role_that_an_admin_made_is_changed(server):
    with server.platform.db.write() as tx:
        roles.create_role(tx, "watcher", {"ws.connect": "own", "ws.ledger": "any"})
        server.ids["wes"] = users.create_user(tx, name="wes", role="watcher").id
    server.platform.roles.forget()
    server.keys["wes"] = server.new_key("wes")
    with server.connect("wes") as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
        assert hears(ws, "runs")["error"] == "Forbidden"
        with server.platform.db.write() as tx:
            roles.change_role(tx, "watcher", {"ws.connect": "own"})
        assert closing(ws)[0] == connection.NOT_ALLOWED


def test_a_connection_ends_with_its_sign_in(server):
    family = family_of(server, "ann")
    text, _ = make_access_token(server.platform.entrance.tokens, server.ids["ann"], "developer", family)
    with server.connect(headers={"Authorization": f"Bearer {text}"}) as ws:
        assert hears(ws, "ledger")["type"] == "subscribed"
        server.platform.entrance.families.revoke_family(family)
        assert closing(ws)[0] == connection.NOT_SIGNED_IN
