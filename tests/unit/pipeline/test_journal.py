"""The journal: numbered without a gap, readable while it is written, whole after a kill."""

import json

from hypothesis import given
from hypothesis import strategies as st

from engram.pipeline.journal import Follower, Journal, read_journals

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_events_are_numbered_without_a_gap_across_writers(tmp_path):
    path = tmp_path / "attempt-1" / "journal.jsonl"
    for _ in range(3):
        journal = Journal(path, "r_1", 1)
        journal.emit("note", {"text": "a"})
        journal.emit("note", {"text": "b"})
        journal.close()
    assert [event.seq for event in read_journals(tmp_path)] == list(range(6))


def test_without_a_path_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    journal = Journal(None, "r_1", 1)
    journal.emit("note", {"text": "a"})
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_a_kill_tore_is_dropped_and_its_number_used_again(tmp_path):
    path = tmp_path / "attempt-1" / "journal.jsonl"
    journal = Journal(path, "r_1", 1)
    journal.emit("note", {"text": "whole"})
    journal.close()
    with path.open("ab") as stream:
        stream.write(b'{"format":"engram.event/1","run":"r_1","att')
    journal = Journal(path, "r_1", 1)
    journal.emit("note", {"text": "after"})
    journal.close()
    events = read_journals(tmp_path)
    assert [(event.seq, event.body["text"]) for event in events] == [(0, "whole"), (1, "after")]


def test_a_follower_gives_each_whole_line_once(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal, follower = Journal(path, "r_1", 1), Follower(path)
    journal.emit("note", {"n": 1})
    assert [event.body["n"] for event in follower.read()] == [1]
    assert list(follower.read()) == []
    with path.open("ab") as stream:
        stream.write(b'{"torn')
    assert list(follower.read()) == []


def test_a_follower_that_skips_sees_only_what_comes_after(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal, follower = Journal(path, "r_1", 1), Follower(path)
    journal.emit("note", {"n": 1})
    follower.skip()
    journal.emit("note", {"n": 2})
    assert [event.body["n"] for event in follower.read()] == [2]


@given(st.dictionaries(st.text(max_size=8), PLAIN, max_size=4))
def test_any_body_is_written_as_standard_json(tmp_path_factory, body):
    path = tmp_path_factory.mktemp("journal") / "attempt-1" / "journal.jsonl"
    journal = Journal(path, "r_1", 1)
    journal.emit("note", body)
    journal.close()
    line = json.loads(path.read_bytes(), parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert set(line["body"]) == set(body)


def test_a_nan_is_told_as_text(tmp_path):
    path = tmp_path / "attempt-1" / "journal.jsonl"
    Journal(path, "r_1", 1).emit("metric", {"loss": float("nan")})
    assert read_journals(tmp_path)[0].body["loss"] == "nan"
