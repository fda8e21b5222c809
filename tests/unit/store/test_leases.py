"""Leases: never two owners, a standby takes over after the end, and clients' clocks change nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from engram.errors import Conflict
from engram.store import tables
from engram.store.database import now
from engram.store.leases import hold, holder, release, renew, take

SERVER = "server"


def run_out(tx):
    """Let the lease end, as if its time had passed."""
    tx.execute(update(tables.leases).values(until=now(tx) - 1))


def test_one_of_many_that_ask_at_once_gets_it(db):
    gate = threading.Barrier(30)

    def ask(number):
        gate.wait()
        with db.write() as tx:
            return take(tx, SERVER, f"server-{number}", 60)

    with ThreadPoolExecutor(30) as pool:
        taken = [lease for lease in pool.map(ask, range(30)) if lease]
    assert len(taken) == 1
    assert taken[0].term == 1
    with db.read() as tx:
        assert holder(tx, SERVER) == taken[0]


def test_a_standby_takes_over_when_the_lease_ends_and_the_old_owner_finds_out(db):
    with db.write() as tx:
        old = take(tx, SERVER, "a", 60)
        assert take(tx, SERVER, "b", 60) is None
        assert take(tx, SERVER, "a", 60).term == 1
        run_out(tx)
        new = take(tx, SERVER, "b", 60)
        assert (new.owner, new.term) == ("b", 2)
        for ask in (lambda: renew(tx, old, 60), lambda: hold(tx, old)):
            with pytest.raises(Conflict, match="is lost"):
                ask()
        release(tx, old)
        assert hold(tx, new).owner == "b"


def test_a_lease_that_ran_out_is_lost_even_when_nobody_took_it(db):
    with db.write() as tx:
        mine = take(tx, SERVER, "a", 60)
        run_out(tx)
        with pytest.raises(Conflict):
            renew(tx, mine, 60)
        assert take(tx, SERVER, "a", 60).term == 2


def test_a_lease_that_is_given_back_is_free_at_once(db):
    with db.write() as tx:
        mine = take(tx, SERVER, "a", 60)
        release(tx, mine)
        assert take(tx, SERVER, "b", 60).term == 2
        assert take(tx, "another", "a", 60).term == 1


@pytest.mark.parametrize("wrong", [-3600.0, 3600.0, -1.7e9])
def test_a_clients_clock_that_is_wrong_changes_nothing(db, monkeypatch, wrong):
    right, right_ns = time.time, time.time_ns
    with db.write() as tx:
        mine = take(tx, SERVER, "a", 60)
    monkeypatch.setattr(time, "time", lambda: right() + wrong)
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + int(wrong * 1e9))
    with db.write() as tx:
        assert take(tx, SERVER, "b", 60) is None
        again = renew(tx, mine, 60)
        assert mine.until <= again.until <= now(tx) + 60_000_000
        run_out(tx)
        assert take(tx, SERVER, "b", 60).term == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["take", "renew", "release", "run out"]), st.sampled_from("abc")), max_size=20)
)
def test_whatever_three_servers_do_at_most_one_holds_and_terms_only_grow(db, moves):
    mine, terms = {}, [0]
    with db.write() as tx:
        tx.execute(delete(tables.leases))
        for move, who in moves:
            if move == "run out":
                run_out(tx)
            elif move == "take" and (lease := take(tx, SERVER, who, 60)):
                mine[who] = lease
            elif move == "release" and who in mine:
                release(tx, mine[who])
            elif move == "renew" and who in mine and holds(tx, mine[who]):
                renew(tx, mine[who], 60)
            assert sum(holds(tx, lease) for lease in mine.values()) <= 1
            found = holder(tx, SERVER)
            terms.append(found.term if found else 0)
    assert terms == sorted(terms)


def holds(tx, lease):
    try:
        return hold(tx, lease).owner == lease.owner
    except Conflict:
        return False
