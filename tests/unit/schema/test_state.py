"""The states of a run: every pair of them is either a step or an error, and each has one flag."""

from itertools import product

import pytest

from engram.errors import PlatformError
from engram.schema.state import GROUPS, NEXT, STATES, flag, step

FINAL = {"refused", "published"}


@pytest.mark.parametrize(("now", "then"), list(product(STATES, STATES)))
def test_every_pair_is_a_step_or_an_error(now, then):
    if then in NEXT[now]:
        assert step(now, then) == then
    else:
        with pytest.raises(PlatformError, match=f"{now} can't become {then}"):
            step(now, then)


def test_what_is_final_stays():
    assert {state for state in STATES if not NEXT[state]} == FINAL


def test_every_state_can_be_reached_and_has_one_flag():
    reached = {"queued"} | {then for allowed in NEXT.values() for then in allowed}
    assert reached == set(STATES)
    assert sorted(state for states in GROUPS.values() for state in states) == sorted(STATES)
    assert {flag(state) for state in STATES} == {"In Progress", "Paused", "Completed", "Failed"}


def test_nothing_that_was_refused_or_failed_is_ever_published_without_running_again():
    for state in STATES:
        if state != "running":
            assert "published" not in NEXT[state]
