"""What waits for one WebSocket: a row told again takes the place of the one before it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from engram.server.live.connection import Connection, Subscription
from engram.server.live.topics import Row, topic_of


@pytest.fixture
def heard():
    one = Connection(SimpleNamespace(), "", None, lambda frame: None, lambda code, words: None)
    return one, one.subscriptions.setdefault("runs", Subscription(*topic_of("runs"), cursor=0))


def told(frame):
    return [(one["id"], one["seq"], one["at"]) for one in json.loads(frame)["messages"]]


def row(run, seq, at):
    return Row(seq, run, json.dumps({"id": run, "seq": seq, "at": at}))


def test_a_row_told_again_leaves_before_later_numbers(heard):
    one, subscription = heard
    one.tell(subscription, row("a", 1, "5 %"))
    one.tell(subscription, row("b", 2, ""))
    one.tell_again(subscription, row("a", 1, "10 %"))
    assert told(one.take()) == [("a", 1, "10 %"), ("b", 2, "")]
    one.tell_again(subscription, row("a", 1, "15 %"))
    assert told(one.take()) == [("a", 1, "15 %")]
    assert one._bytes == 0


def test_a_later_row_leaves_after_what_was_said_before_it(heard):
    one, subscription = heard
    for made in (row("a", 1, ""), row("b", 2, ""), row("a", 3, "new")):
        one.tell(subscription, made)
    assert told(one.take()) == [("b", 2, ""), ("a", 3, "new")]
    assert one._bytes == 0
