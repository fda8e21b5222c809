"""Runs, attempts and their evidence."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from support.databases import new_user

from engram.errors import Changed, Conflict, NotFound, PlatformError
from engram.gate.review import Review
from engram.schema.report import Measure, Report
from engram.schema.state import NEXT, STATES
from engram.schema.verdict import Finding, Verdict
from engram.store import tables
from engram.store.pages import Ask
from engram.store.records import api_keys, attempts, evidence, reviews, runs


def new_run(tx, owner, **said):
    return runs.create_run(
        tx, recipe="toy", owner=owner, kind="language", task="classify", body={"name": "toy"}, **said
    )


@pytest.mark.parametrize("now", STATES)
def test_a_run_takes_the_steps_of_the_table_of_states_and_no_others(db, ann, now):
    with db.write() as tx:
        run = new_run(tx, ann)
        for then in STATES:
            tx.execute(update(tables.runs).values(state=now))
            if then in NEXT[now]:
                assert runs.step_run(tx, run.id, then, reason="because").state == then
                continue
            with pytest.raises(PlatformError, match=f"A run that is {now} can't become {then}"):
                runs.step_run(tx, run.id, then)
            assert runs.get_run(tx, run.id).state == now


def test_a_run_remembers_when_it_started_and_ended_and_why(db, ann):
    with db.write() as tx:
        run = new_run(tx, ann)
        assert (run.state, run.started, run.ended, run.attempt, run.epoch) == ("queued", None, None, 0, 0)
        running = runs.step_run(tx, run.id, "running", stage="data", version=1)
        assert running.started is not None
        failed = runs.step_run(tx, run.id, "failed_platform", reason="the disk is full")
        assert (failed.reason, failed.stage, failed.started) == ("the disk is full", "data", running.started)
        assert failed.ended is not None
        resumed = runs.step_run(tx, run.id, "running")
        assert (resumed.ended, resumed.started, resumed.reason) == (None, running.started, "")
        with pytest.raises(Changed):
            runs.step_run(tx, run.id, "cancelling", version=1)
        assert not runs.is_final(resumed)
        assert runs.is_final(runs.step_run(tx, run.id, "published"))


def test_the_queue_starts_the_most_urgent_and_of_those_the_oldest(db, ann):
    with db.write() as tx:
        assert runs.next_queued(tx) is None
        low, old, new = new_run(tx, ann), new_run(tx, ann, priority=1), new_run(tx, ann, priority=1)
        for created, run in enumerate((low, old, new)):
            tx.execute(update(tables.runs).where(tables.runs.c.id == run.id).values(created=created))
        found = []
        while run := runs.next_queued(tx):
            found.append(run.id)
            runs.step_run(tx, run.id, "running")
        assert found == [old.id, new.id, low.id]


def test_a_run_is_changed_pinned_and_hidden_from_others(db, ann):
    bob = new_user(db, "bob")
    with db.write() as tx:
        run = new_run(tx, ann)
        changed = runs.change_run(tx, run.id, version=1, stage="train", metrics={"accuracy": 0.5}, pinned=True)
        assert (changed.stage, changed.metrics, changed.pinned, changed.version) == (
            "train",
            {"accuracy": 0.5},
            True,
            2,
        )
        assert runs.get_run(tx, run.id, visible_to=ann) == changed
        with pytest.raises(NotFound) as hidden:
            runs.get_run(tx, run.id, visible_to=bob)
        with pytest.raises(NotFound) as absent:
            runs.get_run(tx, "r_none", visible_to=bob)
        assert hidden.value.message.replace(run.id, "r_none") == absent.value.message
        assert runs.list_runs(tx, Ask(visible_to=bob)).items == ()
        assert runs.count_runs(tx, visible_to=bob) == {}
        assert runs.count_runs(tx) == {"queued": 1}
        for ask in (attempts.list_attempts, evidence.reports_of, evidence.verdicts_of, reviews.reviews_of):
            with pytest.raises(NotFound):
                ask(tx, run.id, visible_to=bob)
        with pytest.raises(NotFound):
            new_run(tx, "u_none")


def test_a_new_attempt_has_a_higher_epoch_and_ends_the_old_one_with_its_keys(db, ann):
    with db.write() as tx:
        run = new_run(tx, ann)
        first = attempts.start_attempt(tx, run.id, runner="local", seconds=60)
        assert (first.attempt, first.epoch, first.state, first.acked_seq) == (1, 1, "active", -1)
        said = {"owner": ann, "name": "attempt", "prefix": "eng", "scopes": ["events"], "run": run.id}
        key = api_keys.create_key(tx, digest="d1", epoch=1, **said)
        attempts.change_attempt(tx, run.id, 1, handle="process 7")
        second = attempts.start_attempt(tx, run.id, runner="ray", seconds=60)
        assert (second.attempt, second.epoch) == (2, 2)
        old = attempts.get_attempt(tx, run.id, 1)
        assert (old.state, old.handle) == ("ended", "process 7")
        assert api_keys.get_key(tx, key.id).revoked is not None
        found = runs.get_run(tx, run.id)
        assert (found.attempt, found.epoch) == (2, 2)
        assert attempts.list_attempts(tx, run.id, visible_to=ann) == (old, second)
        with pytest.raises(NotFound):
            attempts.start_attempt(tx, "r_none", runner="local", seconds=60)


def report(run, value, stage="evaluate"):
    return Report(run, stage, 10, {"accuracy": Measure(value, interval=(0.1, 0.9))}, details={"labels": ["ß"]})


def verdict(run, decision, digest, stage="evaluate"):
    found = Finding("accuracy", ">=", 0.5, 0.4, False, "major", 10, (0.1, 0.9))
    return Verdict(run, stage, decision, (found,), digest)


def test_reports_and_verdicts_come_back_as_they_were_and_the_last_one_counts(db, ann):
    with db.write() as tx:
        run = new_run(tx, ann).id
        first = evidence.put_report(tx, report(run, 0.1))
        digest = evidence.put_report(tx, report(run, 0.4))
        assert first != digest
        evidence.put_report(tx, report(run, 0.9, "baseline"))
        evidence.put_verdict(tx, verdict(run, "rollback", digest))
        evidence.put_verdict(tx, verdict(run, "review", digest))
        assert evidence.reports_of(tx, run)["evaluate"] == report(run, 0.4)
        assert set(evidence.reports_of(tx, run, visible_to=ann)) == {"evaluate", "baseline"}
        assert evidence.verdicts_of(tx, run) == {"evaluate": verdict(run, "review", digest)}
        ask = Ask(equal={"decision": "review"}, visible_to=ann)
        assert [(one.run, one.stage) for one in evidence.list_verdicts(tx, ask).items] == [(run, "evaluate")]
        assert evidence.list_verdicts(tx, Ask(visible_to="u_other")).items == ()
        with pytest.raises(NotFound):
            evidence.put_report(tx, report("r_none", 0.1))


def test_a_verdict_is_reviewed_once(db, ann):
    with db.write() as tx:
        run = new_run(tx, ann).id
        said = Review(
            run, "evaluate", "approve", ann, "good enough", "sha256:r", "sha256:v", "2026-11-20T15:02:11.042000Z"
        )
        reviews.add_review(tx, said)
        with pytest.raises(Conflict, match="such a review already"):
            reviews.add_review(tx, said)
        assert reviews.reviews_of(tx, run) == [said]
        with pytest.raises(NotFound):
            reviews.add_review(tx, Review("r_none", "x", "approve", ann, "", "", "", said.time))
