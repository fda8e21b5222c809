"""Who waits for changes hears of each table that a committed write touched; numbers of changes only grow."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, text

from engram.errors import UsageError
from engram.schema.event import Event
from engram.store import rows, tables
from engram.store.ingest import ingest
from engram.store.records import attempts, events, runs


@pytest.fixture
def told(db):
    """Return what a listener hears of writes."""
    found = []
    db.after_write.append(found.append)
    return found


def new_run(tx, ann):
    return runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={})


def test_a_committed_write_tells_its_tables(db, ann, told):
    with db.write() as tx:
        run = new_run(tx, ann)
        assert told == []  # not before it is committed
    assert [{"runs", "counters"}] == told
    with db.write() as tx:
        begun = attempts.start_attempt(tx, run.id, runner="local", seconds=60)
    said = [Event(run.id, 1, begun.epoch, 0, "2026-01-01T00:00:00.000000Z", "data", "note", {})]
    with db.write() as tx:
        ingest(tx, run.id, 1, begun.epoch, said)
    assert "events" in told[-1]
    assert "runs" not in told[-1]


def test_a_write_that_failed_or_changed_nothing_tells_nothing(db, ann, told):
    with pytest.raises(UsageError), db.write() as tx:
        new_run(tx, ann)
        raise UsageError("no")
    with db.write() as tx:
        tx.execute(text("SELECT 1"))
    with db.read() as tx:
        runs.count_runs(tx)
    assert told == []


def test_changed_runs_come_once_in_the_order_of_their_last_change(db, ann):
    with db.write() as tx:
        first, second, third = (new_run(tx, ann) for _ in range(3))
        before = runs.last_change(tx)
        runs.change_run(tx, first.id, priority=1)
        runs.change_run(tx, third.id, priority=1)
        runs.step_run(tx, first.id, "running")
    with db.read() as tx:
        assert [one.id for one in runs.changed_runs(tx, before, 10)] == [third.id, first.id]
        assert [one for _, one in runs.heard_of(tx, 0, 10)] == [second.id, third.id, first.id]
        assert runs.changed_runs(tx, runs.last_change(tx), 10) == ()
        assert runs.changed_runs(tx, before, 1)[0].id == third.id


def test_a_number_is_not_given_twice_when_its_row_is_removed(db, ann):
    with db.write() as tx:
        run = new_run(tx, ann)
        tx.execute(delete(tables.runs))
    with db.write() as tx:
        assert new_run(tx, ann).change > run.change
        assert rows.last_number(tx, "nothing") == 0
        assert (rows.next_number(tx, "nothing"), rows.next_number(tx, "nothing")) == (1, 2)


def test_events_tell_who_has_news_and_how_far_the_work_is(db, ann):
    with db.write() as tx:
        run = new_run(tx, ann)
        begun = attempts.start_attempt(tx, run.id, runner="local", seconds=60)
        kinds = ("note", "progress", "metric", "note")
        said = [
            Event(run.id, 1, begun.epoch, seq, "2026-01-01T00:00:00.000000Z", "train", kind, {"step": seq})
            for seq, kind in enumerate(kinds)
        ]
        ingest(tx, run.id, 1, begun.epoch, said)
    with db.read() as tx:
        heard = events.heard_of(tx, 0, 10)
        assert [one for _, one in heard] == [run.id] * 4
        assert events.heard_of(tx, heard[1][0], 1) == (heard[2],)
        last = events.last_of(tx, run.id, ["progress", "metric"])
        assert last is not None
        assert last.event.body == {"step": 2}
        assert events.last_of(tx, run.id, ["finished"]) is None
