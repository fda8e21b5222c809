"""Pause, resume and cancel in every state, and what a run waits for."""

from __future__ import annotations

import pytest
from support import household
from support.household import House

from engram.pipeline import control
from engram.schema.state import STATES
from engram.server.scheduler import Scheduler
from engram.store.records import attempts, runs

house, quiet = household.house, household.quiet

WAY = {
    "queued": (),
    "running": ("running",),
    "paused": ("running", "paused"),
    "awaiting_review": ("running", "awaiting_review"),
    "cancelling": ("running", "cancelling"),
    "cancelled": ("cancelled",),
    "failed_user": ("running", "failed_user"),
    "failed_platform": ("running", "failed_platform"),
    "preempted": ("running", "preempted"),
    "lost_contact": ("running", "lost_contact"),
    "refused": ("running", "refused"),
    "published": ("running", "published"),
}
AFTER = {
    "pause": {"running": "running"},
    "resume": dict.fromkeys(
        ("paused", "cancelled", "failed_user", "failed_platform", "preempted", "lost_contact"), "queued"
    ),
    "cancel": dict.fromkeys(("queued", "paused", "awaiting_review", "preempted", "lost_contact"), "cancelled")
    | {"running": "cancelling", "cancelling": "cancelling"},
}


@pytest.mark.parametrize("command", AFTER)
@pytest.mark.parametrize("state", STATES)
def test_a_command_takes_a_run_where_the_table_of_states_says_or_is_refused(house: House, state, command):
    run = house.begin("ann")
    house.move(run, *WAY[state])
    told = house.ask("ann", "POST", f"/runs/{run}/{command}")
    if state in AFTER[command]:
        assert (told.status_code, told.json()["state"]) == (200, AFTER[command][state]), told.text
    else:
        assert (told.status_code, told.json()["error"]) == (409, "Refused"), told.text
        assert state in told.json()["detail"]
        assert house.state(run) == state


def start(house: House, run: str) -> dict[str, str]:
    """Let the scheduler start a run's next attempt, and return its headers."""
    with house.here.db.write() as tx:
        begun = attempts.start_attempt(tx, run, runner="local", seconds=60)
    key = house.here.make_key(house.ids["ann"], run, begun.epoch)
    house.keys["attempt"] = key
    return {"path": f"/runs/{run}/attempts/{begun.attempt}", "epoch": begun.epoch}


def say(house: House, at, what: str, **body) -> object:
    return house.ask("attempt", "POST", f"{at['path']}/{what}", {"epoch": at["epoch"], **body})


def clear(house: House) -> None:
    """Leave nothing in the queue."""
    for state in ("queued", "lost_contact", "preempted"):
        for one in house.ask("root", "GET", f"/runs?state={state}&limit=200").json()["items"]:
            house.ask("root", "POST", f"/runs/{one['id']}/cancel")


@pytest.mark.parametrize("command", ["pause", "cancel"])
def test_an_attempt_hears_a_command_with_its_next_acknowledgement(house: House, command):
    run = house.begin("ann")
    at = start(house, run)
    say(house, at, "state", state="running", stage="data")
    assert say(house, at, "events").json()["command"] == "none"
    house.ask("ann", "POST", f"/runs/{run}/{command}")
    assert say(house, at, "events").json()["command"] == command
    ended = say(house, at, "state", state="paused" if command == "pause" else "cancelled", stage="train")
    assert ended.json()["state"] == ("paused" if command == "pause" else "cancelled")
    assert not house.here.folder(run).control.exists()


def test_a_pause_that_comes_while_an_attempt_is_being_started_reaches_it(house: House):
    run = house.begin("ann")
    at = start(house, run)
    assert house.ask("ann", "POST", f"/runs/{run}/pause").status_code == 200
    say(house, at, "state", state="running", stage="data")
    assert say(house, at, "events").json()["command"] == "pause"


def test_an_attempt_whose_run_was_cancelled_while_it_started_is_turned_away(house: House):
    run = house.begin("ann")
    at = start(house, run)
    assert house.ask("ann", "POST", f"/runs/{run}/cancel").json()["state"] == "cancelled"
    told = say(house, at, "state", state="running", stage="data")
    assert (told.status_code, told.json()["error"]) == (409, "StaleEpoch")
    assert house.state(run) == "cancelled"


@pytest.mark.parametrize("ending", ["paused", "awaiting_review", "failed_user", "refused"])
def test_whatever_ends_an_attempt_that_is_being_cancelled_the_run_is_cancelled(house: House, ending):
    run = house.begin("ann")
    at = start(house, run)
    say(house, at, "state", state="running", stage="data")
    house.ask("ann", "POST", f"/runs/{run}/cancel")
    assert say(house, at, "state", state="running", stage="train").json()["state"] == "cancelling"
    assert say(house, at, "state", state=ending, stage="train").json()["state"] == "cancelled"


def test_a_run_is_published_or_cancelled_never_both(house: House):
    run = house.begin("ann")
    at = start(house, run)
    say(house, at, "state", state="running", stage="publish")
    house.ask("ann", "POST", f"/runs/{run}/cancel")
    told = say(house, at, "publish")
    assert (told.status_code, told.json()["error"]) == (409, "Cancelled")
    other = house.begin("ann")
    house.move(other, "running")
    with house.here.db.write() as tx:
        runs.change_run(tx, other, artifact="sha256:0")
    told = house.ask("ann", "POST", f"/runs/{other}/cancel")
    assert (told.status_code, house.state(other)) == (409, "running")


def test_what_is_said_again_with_another_reason_is_kept_with_it(house: House):
    run = house.begin("ann")
    at = start(house, run)
    say(house, at, "state", state="running", stage="data")
    for reason in ("the disk is full", "the disk is full: /var"):
        assert say(house, at, "state", state="failed_platform", stage="train", reason=reason).status_code == 200
    assert house.ask("ann", "GET", f"/runs/{run}").json()["reason"] == "the disk is full: /var"


def test_an_attempt_that_does_not_obey_is_killed_after_its_time_and_no_earlier(house: House):
    run = house.begin("ann")
    at = start(house, run)
    say(house, at, "state", state="running", stage="train")
    house.ask("ann", "POST", f"/runs/{run}/cancel")
    now = [100.0]
    scheduler = Scheduler(house.here, clock=lambda: now[0])
    scheduler.end_the_disobedient()
    now[0] += 29.9
    scheduler.end_the_disobedient()
    assert (run, 1) not in house.core.killed
    assert house.state(run) == "cancelling"
    now[0] += 0.2
    scheduler.end_the_disobedient()
    assert (run, 1) in house.core.killed
    assert house.state(run) == "cancelled"
    assert say(house, at, "state", state="running", stage="train").json()["error"] == "StaleEpoch"
    assert house.ask("ann", "POST", f"/runs/{run}/resume").json()["state"] == "queued"


@pytest.mark.parametrize(
    ("command", "then"), [("", "lost_contact"), ("pause", "paused"), ("cancel", "cancelled")], ids=str
)
def test_a_run_whose_process_is_gone_goes_where_it_was_asked_to(house: House, command, then):
    run = house.begin("ann")
    at = start(house, run)
    with house.here.db.write() as tx:
        attempts.change_attempt(tx, run, 1, handle="1@then")
    say(house, at, "state", state="running", stage="train")
    if command:
        house.ask("ann", "POST", f"/runs/{run}/{command}")
    Scheduler(house.here).look_after_the_silent()
    assert house.state(run) == then


def test_a_resumed_run_is_started_once_and_not_asked_again_what_the_attempt_before_it_was(house: House):
    clear(house)
    run = house.begin("ann")
    at = start(house, run)
    say(house, at, "state", state="running", stage="train")
    house.ask("ann", "POST", f"/runs/{run}/pause")
    say(house, at, "state", state="paused", stage="train")
    control.send(house.here.folder(run).control, "pause")
    assert house.ask("ann", "POST", f"/runs/{run}/resume").status_code == 200
    house.core.slots = 5
    scheduler = Scheduler(house.here)
    assert scheduler.start_next()
    assert not scheduler.start_next(), "its attempt has not said a word yet, and it must not get another"
    assert [(one.run, one.attempt) for one in house.core.living] == [(run, 2)]
    assert control.asked(house.here.folder(run).control) == "none"


def test_a_run_that_waits_says_why_and_names_nobody_elses(house: House):
    clear(house)
    first, second = house.begin("ann"), house.begin("ann")
    waits = lambda who, run: house.ask(who, "GET", f"/runs/{run}").json()["waits"]  # noqa: E731
    scheduler = Scheduler(house.here)
    scheduler.look()
    assert waits("ann", first) == "it is started next"
    assert waits("ann", second) == "1 run is before it"
    assert scheduler.start_next()
    scheduler.look()
    house.move(first, "running")
    assert waits("ann", first) == ""
    assert waits("ann", second) == f"1 of 1 slots taken by {first}"
    his = house.begin("bob")
    house.ask("ann", "PATCH", f"/runs/{second}", {"priority": -1})
    assert waits("bob", his) == "1 of 1 slots taken by 1 of somebody else's"
    assert first not in house.ask("bob", "GET", "/runs").text
    house.core.away = True
    scheduler.beat()
    assert waits("ann", second) == "the core is away: There is no core in this home."


def test_a_higher_priority_goes_first_and_the_change_needs_the_version_that_was_read(house: House):
    clear(house)
    first, second = house.begin("ann"), house.begin("ann")
    tag = house.ask("ann", "GET", f"/runs/{second}").headers["etag"]
    changed = house.ask("ann", "PATCH", f"/runs/{second}", {"priority": 5}, If_Match=tag)
    assert (changed.status_code, changed.json()["priority"]) == (200, 5)
    late = house.ask("ann", "PATCH", f"/runs/{second}", {"priority": 6}, If_Match=tag)
    assert (late.status_code, late.json()["error"]) == (412, "Changed")
    with house.here.db.read() as tx:
        assert runs.next_queued(tx).id == second
    assert house.ask("ann", "PATCH", f"/runs/{first}", {"priority": 101}).status_code == 422
