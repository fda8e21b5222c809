"""A load of requests: everything asked is counted, as answered or as failed."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.serve.load_test import Load, run_load


def test_every_client_asks_at_least_once_and_the_warm_up_is_not_counted():
    asked, lock = [], threading.Lock()

    def ask(request):
        with lock:
            asked.append(request)

    load = run_load(ask, ["a", "b", "c"], concurrency=5, seconds=0.0)
    assert (load.requests, load.errors, len(load.latencies)) == (5, 0, 5)
    assert asked[0] == "a"
    assert sorted(asked[1:]) == ["a", "a", "b", "b", "c"]


def test_failed_requests_are_counted_and_have_no_latency():
    def ask(request):
        if request == "bad":
            raise RuntimeError("no")

    load = run_load(ask, ["good", "bad"], concurrency=6, seconds=0.0)
    assert (load.errors, len(load.latencies), load.requests) == (3, 3, 6)


def test_progress_ends_at_the_whole():
    said = []
    run_load(lambda request: None, ["x"], 2, 0.0, on_progress=lambda done, total: said.append((done, total)))
    assert said == [(0, 0)]


def test_a_model_that_fails_at_once_says_so():
    def ask(request):
        raise RuntimeError("the model is broken")

    with pytest.raises(RuntimeError, match="broken"):
        run_load(ask, ["x"], 2, 0.0)


@pytest.mark.parametrize(("percent", "value"), [(0, 15.0), (5, 15.0), (30, 20.0), (40, 20.0), (50, 35.0), (100, 50.0)])
def test_percentiles_are_by_nearest_rank(percent, value):
    assert Load((35.0, 20.0, 15.0, 50.0, 40.0), 0, 1.0).percentile(percent) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_one_of_the_latencies_and_covers_its_share(latencies, percent):
    value = Load(tuple(latencies), 0, 1.0).percentile(percent)
    assert value in latencies
    assert sum(one <= value for one in latencies) * 100 >= percent * len(latencies)
    assert sum(one < value for one in latencies) * 100 < percent * len(latencies)


def test_nothing_answered_has_no_percentile():
    assert Load((), 4, 1.0).percentile(95) is None
