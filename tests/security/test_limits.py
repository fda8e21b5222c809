"""Budgets per user and operation: nothing that a client can write down gives her another one."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse
from support.security_stores import Clock

from engram.errors import Throttled, UnknownName, UsageError
from engram.security.client_address import client_address, parse_proxies
from engram.security.limits import ALL, DEFAULT_BUDGETS, SAME_BUDGET, limiter_of, make_limits, owner_of, spend
from engram.security.moving_window import MovingWindows
from engram.security.operations import OPERATIONS
from engram.security.principal import NOBODY, Principal, attempt_principal

ADA, BOB = Principal("u_ada", "developer"), Principal("u_bob", "developer")
HOME = "203.0.113.7"
FEW = {ALL: "10/minute", "runs.create": "3/minute"}


@pytest.fixture
def clock():
    return Clock(100.0)


def count(limits, principal, operation, address=HOME, most=50):
    """Spend until the limit is reached; return how many requests passed, and what stopped them."""
    for number in range(most):
        try:
            spend(limits, principal, address, operation)
        except Throttled as error:
            return number, error
    return most, None


def test_each_operation_and_each_user_has_a_budget_and_429_says_when(clock):
    limits = make_limits(FEW, clock=clock)
    passed, error = count(limits, ADA, "runs.create")
    assert passed == 3 and error.retry_after == 60
    assert count(limits, ADA, "runs.list")[0] == 7, "the rest of what she may do in all"
    assert count(limits, BOB, "runs.create")[0] == 3


def test_the_window_moves_and_retry_after_is_the_truth(clock):
    limits = make_limits(FEW, clock=clock)
    for _ in range(3):
        spend(limits, ADA, HOME, "runs.create")
        clock.pass_(10)
    error = count(limits, ADA, "runs.create")[1]
    assert error.retry_after == 30
    clock.pass_(29.5)
    assert count(limits, ADA, "runs.create")[1].retry_after == 1
    clock.pass_(0.5)
    assert count(limits, ADA, "runs.create")[0] == 1


def test_a_refused_request_costs_nothing(clock):
    limits = make_limits({ALL: "10/minute", "runs.create": "3/hour"}, clock=clock)
    for _ in range(30):
        count(limits, ADA, "runs.create")
    assert count(limits, ADA, "runs.list")[0] == 7
    clock.pass_(60)
    assert count(limits, ADA, "runs.list")[0] == 10


def test_new_keys_and_tokens_spend_the_same_user_s_budget(clock):
    limits = make_limits(FEW, clock=clock)
    count(limits, ADA, "runs.create")
    for other in (Principal("u_ada", "admin"), Principal("u_ada", "developer", frozenset({"*"}))):
        assert count(limits, other, "runs.create", "198.51.100.1")[0] == 0


def test_an_operation_that_is_spelt_otherwise_is_no_other_budget(clock):
    limits = make_limits(FEW, clock=clock)
    for name in ("runs.create/", "RUNS.CREATE", "runs.create ", "/api/v1/runs", "runs%2ecreate", ""):
        with pytest.raises(UnknownName):
            spend(limits, ADA, HOME, name)


def test_the_same_work_in_another_shape_spends_the_same_budget(clock):
    limits = make_limits({ALL: "100/minute", "deployments.predict": "3/minute"}, clock=clock)
    count(limits, ADA, "deployments.predict")
    for name in ("deployments.stream", "openai.chat.completions", "openai.embeddings", "core.predict"):
        assert count(limits, ADA, name)[0] == 0
    assert set(SAME_BUDGET) | set(SAME_BUDGET.values()) <= set(OPERATIONS)
    assert not set(SAME_BUDGET) & (set(SAME_BUDGET.values()) | set(DEFAULT_BUDGETS))
    with pytest.raises(UsageError, match=r"same work as 'deployments\.predict'"):
        make_limits({ALL: "1/minute", "openai.completions": "1/minute"})


def test_nobody_is_counted_by_address_and_an_attempt_by_its_run(clock):
    limits = make_limits(FEW, clock=clock)
    assert count(limits, NOBODY, "runs.create")[0] == 3
    assert count(limits, NOBODY, "runs.create", "198.51.100.1")[0] == 3
    assert count(limits, attempt_principal("r_1", 1), "attempts.events")[0] == 10
    assert count(limits, attempt_principal("r_1", 2), "attempts.events", "198.51.100.2")[0] == 0
    owners = {owner_of(who, "x") for who in (ADA, Principal("address x", "viewer"), NOBODY)}
    assert len(owners) == 3


def test_a_clock_that_steps_back_gives_nothing_away(clock):
    limits = make_limits(FEW, clock=clock)
    count(limits, ADA, "runs.create")
    clock.pass_(-3600)
    assert count(limits, ADA, "runs.create")[0] == 0


def test_threads_together_get_no_more_than_the_budget(clock):
    limits = make_limits({ALL: "100/minute", "runs.create": "37/minute"}, clock=clock)
    passed, gate = [], threading.Barrier(8)

    def many():
        gate.wait(10)
        passed.append(count(limits, ADA, "runs.create", most=20)[0])

    threads = [threading.Thread(target=many) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    assert sum(passed) == 37


def test_a_cost_counts_as_so_many(clock):
    limits = make_limits(FEW, clock=clock)
    spend(limits, ADA, HOME, "runs.list", cost=8)
    with pytest.raises(Throttled):
        spend(limits, ADA, HOME, "runs.list", cost=3)
    spend(limits, ADA, HOME, "runs.list", cost=2)


@pytest.mark.parametrize(
    "budgets", [{}, {"runs.create": "3/minute"}, {ALL: "many"}, {ALL: "1/minute", "runs.lst": "1/minute"}, {ALL: ""}]
)
def test_budgets_that_make_no_sense_are_refused(budgets):
    with pytest.raises((UsageError, UnknownName)):
        make_limits(budgets)


def test_the_default_budgets_are_all_of_the_policy():
    assert set(DEFAULT_BUDGETS) - {ALL} <= set(OPERATIONS)
    make_limits()


def test_invented_owners_fill_no_memory(clock):
    windows = MovingWindows(clock, max_keys=100)
    item = parse("3/minute")
    for number in range(1000):
        assert windows.acquire_entry(item.key_for(str(number)), 3, 60)
    assert len(windows._entries) == 100
    assert windows.reset() == 100 and windows.check()


def test_the_strategy_of_the_library_agrees(clock):
    limiter, item = limiter_of(clock), parse("3/minute")
    assert [limiter.hit(item, "a") for _ in range(4)] == [True, True, True, False]
    assert not limiter.test(item, "a") and limiter.test(item, "b")
    assert limiter.get_window_stats(item, "a") == (160.0, 0)
    limiter.clear(item, "a")
    assert limiter.hit(item, "a", cost=3) and not limiter.hit(item, "a")
    for fixed in (lambda: limiter.storage.incr("k", 1), lambda: limiter.storage.get("k")):
        with pytest.raises(NotImplementedError):
            fixed()


# The client's address

PROXIES = parse_proxies(["10.0.0.0/24", "fd00::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("203.0.113.7", ["10.0.0.2", "127.0.0.1"], "203.0.113.7"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["6.6.6.6, 198.51.100.1, 10.0.0.9"], "198.51.100.1"),
        ("10.0.0.2", ["198.51.100.1, nonsense"], "10.0.0.2"),
        ("10.0.0.2", ["198.51.100.1, "], "10.0.0.2"),
        ("10.0.0.2", ["10.0.0.3"], "10.0.0.3"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("::ffff:10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8:1:2:3::9"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:aaaa::1", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("unix:", ["1.2.3.4"], "unknown"),
        ("", [], "unknown"),
    ],
)
def test_only_our_own_proxies_are_believed(peer, forwarded, found):
    assert client_address(peer, forwarded, PROXIES) == found


@given(st.lists(st.text(max_size=20), max_size=4))
def test_nothing_that_a_client_forwards_changes_her_address(forwarded):
    assert client_address(HOME, forwarded, PROXIES) == HOME


@pytest.mark.parametrize("said", ["0.0.0.0/0", "::/0", "10.0.0.1/24", "proxy.test", ""])
def test_a_proxy_that_is_anybody_or_nothing_is_refused(said):
    with pytest.raises(UsageError):
        parse_proxies([said])
