"""The ledger over the API: leaves that anyone can count again, the key that signed them, a look at the whole disk."""

from __future__ import annotations

import base64

import pytest
from support.people import people

from engram.ledger.checkpoint import open_checkpoint
from engram.ledger.keys import parse_vkey
from engram.ledger.merkle import Tree, leaf_hash


@pytest.fixture
def house(tmp_path):
    with people(tmp_path / "home") as one:
        for number in range(7):
            one.platform.ledger.append("run.deleted", f"r_{number}", {"state": "cancelled"})
        yield one


def asked(house, path):
    told = house.call("root", "GET", f"/ledger{path}")
    assert told.status_code == 200, told.text
    return told


def test_the_leaves_lead_to_the_root_that_the_key_has_signed(house):
    key = parse_vkey(asked(house, "/key").text)
    signed = open_checkpoint(asked(house, "/checkpoint").content, key)
    tree = Tree()
    for start in range(0, signed.size, 3):
        page = asked(house, f"/leaves?start={start}&limit=3").json()
        assert (page["start"], page["size"]) == (start, signed.size)
        for leaf in page["leaves"]:
            tree.append(leaf_hash(base64.b64decode(leaf)))
    assert (tree.size, tree.root(tree.size)) == (signed.size, signed.root)
    assert asked(house, f"/leaves?start={signed.size + 5}").json()["leaves"] == []


def test_the_whole_ledger_is_proven_and_the_first_wrong_index_is_named(house):
    said = asked(house, "/check").json()
    assert (said["ok"], said["size"]) == (True, house.platform.ledger.size)
    (entry,) = house.platform.ledger.find("run.deleted", "r_4")
    path = house.platform.home / "ledger" / "entries.jsonl"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"r_4", b"r_5", 1))
    said = asked(house, "/check").json()
    bad = next(one for one in said["checks"] if not one["ok"])
    assert (said["ok"], bad["name"]) == (False, f"entries.jsonl, index {entry.index}"), bad


def test_the_newest_entries_come_first_and_a_type_or_a_subject_is_looked_for(house):
    size = house.platform.ledger.size
    page = asked(house, "/newest?limit=3").json()
    assert [one["index"] for one in page["items"]] == [size - 1, size - 2, size - 3]
    assert page["next"] == size - 3
    rest = asked(house, f"/newest?before={page['next']}&limit=200").json()
    assert [one["index"] for one in rest["items"]] == list(range(size - 4, -1, -1))
    assert rest["next"] is None
    (one,) = asked(house, "/newest?type=run.deleted&subject=r_4").json()["items"]
    assert (one["subject"], one["type"]) == ("r_4", "run.deleted")
    assert asked(house, "/newest?type=run.declared").json()["items"] == []


def test_one_request_looks_through_so_many_and_says_where_to_go_on(house, monkeypatch):
    monkeypatch.setattr("engram.server.routes.ledger.MOST_SEARCHED", 3)
    size = house.platform.ledger.size
    page = asked(house, "/newest?subject=r_0").json()
    assert (page["items"], page["next"]) == ([], size - 3)
    seen = []
    while page["next"] is not None:
        page = asked(house, f"/newest?subject=r_0&before={page['next']}").json()
        seen += page["items"]
    assert [one["subject"] for one in seen] == ["r_0"]
