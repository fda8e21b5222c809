"""Idempotency: however often and however parallel a request comes, one thing is made and one answer is given."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from engram.errors import Conflict, PlatformError
from engram.store import rows, tables
from engram.store.database import now
from engram.store.idempotency import Answer, Reservation, finish, forget, give_up, once
from engram.store.pages import Ask
from engram.store.records import runs

REQUEST = ("u_1", "runs.create", "key-1", "sha256:body")


def make_run(db, owner, gate=None):
    """Do what a POST of a run does: reserve, make, answer; all of it in one transaction."""
    if gate is not None:
        gate.wait()
    with db.write() as tx:
        said = once(tx, *REQUEST)
        if isinstance(said, Answer):
            return said
        run = runs.create_run(tx, recipe="toy", owner=owner, kind="language", task="classify", body={})
        return finish(tx, said, 201, {"id": run.id})


def test_fifty_parallel_requests_with_one_key_make_one_run(db, ann):
    gate = threading.Barrier(50)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: make_run(db, ann, gate), range(50)))
    with db.read() as tx:
        (run,) = runs.list_runs(tx, Ask()).items
    assert answers == [Answer(201, {"id": run.id})] * 50


def test_fifty_parallel_reservations_of_long_work_give_one_to_one_of_them(db, ann):
    gate = threading.Barrier(50)

    def reserve(_):
        gate.wait()
        try:
            with db.write() as tx:
                return once(tx, *REQUEST)
        except Conflict as error:
            return error.message

    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(reserve, range(50)))
    (mine,) = [one for one in said if isinstance(one, Reservation)]
    assert said.count("The same request is being worked on.") == 49
    with db.write() as tx:
        finish(tx, mine, 201, "done")
    with db.write() as tx:
        assert once(tx, *REQUEST) == Answer(201, "done")


def test_the_same_key_with_another_body_is_refused_before_and_after_the_answer(db, ann):
    with db.write() as tx:
        mine = once(tx, *REQUEST)
        with pytest.raises(Conflict, match="another request"):
            once(tx, *REQUEST[:3], "sha256:other")
        finish(tx, mine, 200, None)
        with pytest.raises(Conflict, match="another request"):
            once(tx, *REQUEST[:3], "sha256:other")
        assert once(tx, *REQUEST) == Answer(200, None)


@pytest.mark.parametrize(
    "other", [("u_2", *REQUEST[1:3]), ("u_1", "runs.delete", "key-1"), ("u_1", "runs.create", "key-2")]
)
def test_keys_of_other_users_and_operations_do_not_meet(db, other):
    with db.write() as tx:
        finish(tx, once(tx, *REQUEST), 200, "mine")
        assert isinstance(once(tx, *other, "sha256:other"), Reservation)


def test_a_request_that_fails_makes_nothing_and_can_be_sent_again(db, ann):
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        once(tx, *REQUEST)
        runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={})
        raise ZeroDivisionError
    assert make_run(db, ann).status == 201
    with db.write() as tx:
        assert rows.count(tx, tables.runs) == 1
        give_up(tx, once(tx, "u_1", "x", "k", "d"))
        assert isinstance(once(tx, "u_1", "x", "k", "d"), Reservation)


def test_a_reservation_of_a_dead_process_lapses_and_its_ghost_is_refused(db):
    with db.write() as tx:
        dead = once(tx, *REQUEST)
        tx.execute(update(tables.idempotency).values(until=now(tx) - 1))
        mine = once(tx, *REQUEST)
        assert mine.token != dead.token
        with pytest.raises(PlatformError, match="lapsed"):
            finish(tx, dead, 201, "ghost")
        give_up(tx, dead)
        finish(tx, mine, 201, "mine")
        assert once(tx, *REQUEST) == Answer(201, "mine")
        with pytest.raises(PlatformError, match="lapsed"):
            finish(tx, mine, 201, "twice")


def test_old_answers_are_forgotten(db):
    with db.write() as tx:
        finish(tx, once(tx, *REQUEST), 200, "old")
        assert forget(tx) == 0
        tx.execute(update(tables.idempotency).values(until=now(tx) - 1))
        assert forget(tx) == 1
        assert isinstance(once(tx, *REQUEST[:3], "sha256:other"), Reservation)
