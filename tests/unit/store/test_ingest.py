"""Ingest: the same journal gives the same tables, however it arrives; old epochs are refused; leases are renewed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from support.journals import deliveries, journal

from engram.errors import Conflict, NotFound, StaleEpoch, UsageError
from engram.schema.event import Event
from engram.store import tables
from engram.store.database import now
from engram.store.ingest import LEASE_SECONDS, MOST_AHEAD, append, ingest
from engram.store.records import attempts, events, points, runs

TIME = "2026-11-20T15:02:11.000000Z"
SECOND = 1_000_000


@pytest.fixture
def run(db, ann):
    with db.write() as tx:
        made = runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={})
        attempts.start_attempt(tx, made.id, runner="local", seconds=60)
    return made.id


def event(run, seq, kind="note", body=None, attempt=1, epoch=1, stage="train"):
    return Event(run, attempt, epoch, seq, TIME, stage, kind, body or {})


def take(db, run, *found, attempt=1, epoch=1):
    with db.write() as tx:
        return ingest(tx, run, attempt, epoch, found)


def stored(db):
    """Return what the tables hold, without the cursor, which tells the order of arrival."""
    with db.read() as tx:
        names = [column for column in tables.events.c if column.name != "id"]
        found = tx.execute(select(*names).order_by(tables.events.c.attempt, tables.events.c.seq)).all()
        curves = tx.execute(select(tables.points).order_by(*tables.points.primary_key.columns)).all()
        return [tuple(map(str, row)) for row in found], list(map(tuple, curves))


def expected_points(found):
    """Work out by hand what the charts must show: of each step the last word, finite numbers only."""
    curves = {}
    for one in sorted(found, key=lambda one: (one.attempt, one.seq)):
        step = one.body.get("step")
        if one.type != "metric" or not isinstance(step, int) or step < 0:
            continue
        for name, value in one.body.items():
            if name not in ("step", "total") and type(value) in (int, float) and abs(value) < 1e300:
                curves[(one.run, one.stage, name, step)] = (float(value), one.attempt, one.seq)
    return curves


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_repetition_and_batching_gives_the_same_tables(db, run, data):
    with db.write() as tx:  # hypothesis runs all its examples on the one database of this test
        for table in (tables.events, tables.points, tables.attempts):
            tx.execute(delete(table))
        tx.execute(update(tables.runs).values(attempt=0, epoch=0))
        for _ in range(2):
            attempts.start_attempt(tx, run, runner="local", seconds=60)
    journals = [data.draw(journal(run, number, number)) for number in (1, 2)]
    every = [one for events_ in journals for one in events_]
    batches = data.draw(deliveries(journals))
    with db.write() as tx:
        for batch in batches:
            append(tx, attempts.get_attempt(tx, run, batch[0].attempt), batch)
    found, curves = stored(db)
    assert [(row[0], int(row[1]), int(row[3])) for row in found] == [(one.run, one.attempt, one.seq) for one in every]
    assert {row[:4]: (row[4], row[6], row[7]) for row in curves} == expected_points(every)
    with db.read() as tx:
        acked = [one.acked_seq for one in attempts.list_attempts(tx, run)]
        assert events.events_of(tx, run, 2) == tuple(journals[1])
    assert acked == [len(events_) - 1 for events_ in journals]


def test_acked_is_the_highest_number_without_a_gap(db, run):
    assert take(db, run).acked == -1
    assert take(db, run, event(run, 2), event(run, 3)).acked == -1
    assert take(db, run, event(run, 0)).acked == 0
    assert take(db, run, event(run, 1)).acked == 3
    assert take(db, run, event(run, 1), event(run, 1)).acked == 3


def test_the_first_word_of_a_number_stays(db, run):
    """Whoever sends another event under a number that is stored changes neither the event nor the chart."""
    take(db, run, event(run, 0, "metric", {"step": 1, "loss": 1.0}))
    take(db, run, event(run, 0, "metric", {"step": 1, "loss": 9.0, "other": 9.0}))
    take(db, run, event(run, 1, "metric", {"step": 2, "loss": 2.0}), event(run, 1, "metric", {"step": 2, "loss": 9.0}))
    with db.read() as tx:
        assert [(one.name, one.points) for one in points.list_series(tx, run)] == [("loss", 2)]
        assert [one.value for one in points.read_points(tx, run, "train", "loss")] == [1.0, 2.0]


def test_a_resumed_attempt_has_the_last_word_about_a_step_also_when_the_old_one_comes_late(db, run):
    with db.write() as tx:
        old = attempts.get_attempt(tx, run, 1)
        attempts.start_attempt(tx, run, runner="local", seconds=60)
    take(db, run, event(run, 0, "metric", {"step": 5, "loss": 0.5}, attempt=2, epoch=2), attempt=2, epoch=2)
    with db.write() as tx:
        append(tx, old, [event(run, 0, "metric", {"step": 5, "loss": 0.9})])
    with db.read() as tx:
        assert [one.value for one in points.read_points(tx, run, "train", "loss")] == [0.5]


def test_a_stale_epoch_is_refused_and_nothing_of_it_is_kept(db, run):
    take(db, run, event(run, 0))
    with db.write() as tx:
        attempts.start_attempt(tx, run, runner="local", seconds=60)
    with pytest.raises(StaleEpoch, match=r"Epoch 1 .* is over.*must stop") as told:
        take(db, run, event(run, 1))
    assert isinstance(told.value, Conflict)
    with db.read() as tx:
        assert [one.seq for one in events.events_of(tx, run, 1)] == [0]
        assert attempts.get_attempt(tx, run, 1).state == "ended"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"run": "r_other"}, "is of run r_other"),
        ({"attempt": 2}, "attempt 2"),
        ({"epoch": 2}, "epoch 2"),
        ({"seq": -1}, "number -1"),
        ({"seq": MOST_AHEAD}, "Send them from 0 on"),
        ({"time": "yesterday"}, "not a time"),
        ({"time": "2026-11-20T15:02:11"}, "no zone"),
        ({"stage": "a\0b"}, "can't be stored"),
    ],
)
def test_an_event_that_is_not_this_attempts_is_refused_with_its_whole_batch(db, run, wrong, message):
    with pytest.raises(UsageError, match=message):
        take(db, run, event(run, 0), replace(event(run, 1), **wrong))
    assert stored(db) == ([], [])


def test_an_unknown_run_attempt_or_epoch_is_refused(db, run):
    with pytest.raises(NotFound):
        take(db, "r_none")
    with pytest.raises(NotFound):
        take(db, run, attempt=9)
    with pytest.raises(UsageError, match="has epoch 1, not 7"):
        take(db, run, epoch=7)


def test_silence_ends_the_lease_and_a_word_renews_it(db, run):
    with db.read() as tx:
        assert attempts.expired(tx) == ()
    with db.write() as tx:
        tx.execute(update(tables.attempts).values(lease_until=now(tx) - 1))
        (late,) = attempts.expired(tx)
        assert (late.run, late.attempt) == (run, 1)
        attempts.change_attempt(tx, run, 1, state="lost")
        assert [one.state for one in attempts.expired(tx)] == ["lost"]
    with db.write() as tx:
        before = now(tx)
        ack = ingest(tx, run, 1, 1, [])
        assert before + LEASE_SECONDS * SECOND <= ack.lease_until <= now(tx) + LEASE_SECONDS * SECOND
        assert attempts.get_attempt(tx, run, 1).state == "active"


def test_a_lease_is_never_shortened_and_an_ended_attempt_has_none(db, run):
    with db.write() as tx:
        long = ingest(tx, run, 1, 1, [], seconds=3600).lease_until
        assert ingest(tx, run, 1, 1, [], seconds=1).lease_until == long
        attempts.change_attempt(tx, run, 1, state="ended")
        assert ingest(tx, run, 1, 1, [event(run, 0)], seconds=9999).lease_until == long
        assert attempts.get_attempt(tx, run, 1).state == "ended"


def test_a_cursor_of_events_goes_on_and_hides_what_is_others(db, run, ann):
    take(db, run, *(event(run, seq) for seq in range(3)))
    with db.read() as tx:
        first = events.replay(tx, limit=2)
        rest = events.replay(tx, first[-1].id)
        assert [one.event.seq for one in (*first, *rest)] == [0, 1, 2]
        assert events.newest(tx) == rest[-1].id
        assert events.replay(tx, events.newest(tx)) == ()
        assert len(events.replay(tx, visible_to=ann)) == 3
        assert events.replay(tx, visible_to="u_other") == ()
        assert events.replay(tx, run="r_other") == ()
        assert events.replay(tx, types=["metric"]) == ()
        assert len(events.replay(tx, run=run, types=["note", "metric"])) == 3


def test_a_cursor_is_never_given_twice(db, run):
    take(db, run, event(run, 0))
    with db.write() as tx:
        last = events.newest(tx)
        tx.execute(delete(tables.events))
        tx.execute(update(tables.attempts).values(acked_seq=-1))
    take(db, run, event(run, 0))
    with db.read() as tx:
        assert events.newest(tx) > last


def test_the_last_and_the_lowest_place_of_curves_are_known(db, run, ann):
    with db.write() as tx:
        other = runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={}).id
    losses = {10: 0.9, 20: 0.4, 30: 0.4, 40: 0.6}
    take(db, run, *(event(run, seq, "metric", {"step": at, "valid_loss": losses[at]}) for seq, at in enumerate(losses)))
    take(db, run, event(run, 4, "metric", {"step": 50, "loss": 0.1}), event(run, 5, "metric", {"step": 60, "loss": 3}))
    with db.read() as tx:
        found = points.extremes_of(tx, [run, other], "train", "valid_loss")
    assert found == {run: points.Extremes(last=0.6, step=40, lowest=0.4, lowest_step=20)}


def test_a_long_curve_is_thinned_out_and_its_peak_stays(db, run):
    def value(step):
        return 100.0 if step == 777 else step / 1000

    found = [event(run, step, "metric", {"step": step * 3, "total": 9000, "loss": value(step)}) for step in range(3000)]
    take(db, run, *found)
    with db.read() as tx:
        assert len(points.read_points(tx, run, "train", "loss", most=3000)) == 3000
        thin = points.read_points(tx, run, "train", "loss", most=100)
        assert len(thin) <= 100
        assert max(one.high for one in thin) == 100.0
        assert min(one.low for one in thin) == 0.0
        assert [one.step for one in thin] == sorted({one.step for one in thin})
        assert thin[-1].step == 2999 * 3
        assert points.read_points(tx, run, "train", "none") == ()
        with pytest.raises(UsageError):
            points.read_points(tx, run, "train", "loss", most=0)
        with pytest.raises(NotFound):
            points.read_points(tx, run, "train", "loss", visible_to="u_other")
