"""The store against its threats: others' objects, two owners, double submit, zombies, clocks, full disks."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text, update
from support.databases import ann, db, new_user, sort

from engram.errors import Conflict, HomeBusy, NotFound, PlatformError, StaleEpoch
from engram.files import home_lock
from engram.gate.review import Review
from engram.schema.event import Event
from engram.schema.report import Report
from engram.schema.verdict import Verdict
from engram.store import leases, records, tables
from engram.store.database import now, open_database
from engram.store.idempotency import Answer, finish, once
from engram.store.ingest import ingest
from engram.store.pages import Ask
from engram.store.records import (
    api_keys,
    artifacts,
    attempts,
    datasets,
    deployments,
    events,
    evidence,
    fine_tunings,
    logins,
    points,
    recipes,
    reviews,
    runs,
    settings,
    splits,
    templates,
    uploads,
    users,
)

__all__ = ["ann", "db", "sort"]
TIME = "2026-11-20T15:02:11.042000Z"
DIGEST = "sha256:" + "a" * 64
HOSTILE = [
    "'; DROP TABLE runs; --",
    '"',
    "{{ 7*7 }}",
    "${HOME}",
    "%(x)s %s",
    ":name",
    "a\r\nb",
    "\x1b[2J",
    "\u202ertl",
    "😀",
]


def made_by(tx, owner):
    """Make one of everything for a user, and return the ids."""
    far = now(tx) + 10**12
    body = {"data": {"sources": [{"dataset": DIGEST}]}}
    run = runs.create_run(tx, recipe="toy", owner=owner, kind="language", task="classify", body=body).id
    evidence.put_report(tx, Report(run, "data", 1, {}, "sha256:split"))
    attempts.start_attempt(tx, run, runner="local", seconds=60)
    ingest(tx, run, 1, 1, [Event(run, 1, 1, 0, TIME, "train", "metric", {"step": 1, "loss": 0.5})])
    digest = evidence.put_report(tx, Report(run, "evaluate", 1, {}))
    evidence.put_verdict(tx, Verdict(run, "evaluate", "review", (), digest))
    reviews.add_review(tx, Review(run, "evaluate", "approve", owner, "fine", "r", "v", TIME))
    what = {"kind": "language", "task": "classify"}
    artifacts.put_artifact(tx, digest=DIGEST, name="toy", owner=owner, run=run, bytes=1, **what)
    fine_tunings.create_fine_tuning(
        tx, runs.get_run(tx, run), base="x", training="", validation="", options={}, name="ft-x"
    )
    return {
        "run": run,
        "login": logins.create_login(tx, owner=owner, token_hash="t", expires=far).id,
        "key": api_keys.create_key(tx, owner=owner, name="k", prefix="p", digest="d", scopes=[]).id,
        "template": templates.create_template(tx, name="base", owner=owner, source="x", **what).id,
        "dataset": datasets.create_dataset(tx, name="d", owner=owner, digest="d", format="csv").id,
        "upload": uploads.create_upload(tx, owner=owner, purpose="x", name="n", size=1, seconds=9).id,
        "recipe": recipes.save_recipe(tx, name="toy", owner=owner, digest="d", source="s", body={}, **what).name,
        "deployment": deployments.create_deployment(tx, name="live", owner=owner, artifact=DIGEST, actor=owner).id,
    }


# Every function of the records that can hide what is others': how it is asked about what `made_by` made.
HIDING = {
    "api_keys.get_key": lambda tx, ids, who: api_keys.get_key(tx, ids["key"], who),
    "api_keys.list_keys": lambda tx, ids, who: api_keys.list_keys(tx, Ask(visible_to=who)),
    "api_keys.revoke_key": lambda tx, ids, who: api_keys.revoke_key(tx, ids["key"], who),
    "artifacts.get_artifact": lambda tx, ids, who: artifacts.get_artifact(tx, DIGEST, who),
    "artifacts.list_artifacts": lambda tx, ids, who: artifacts.list_artifacts(tx, Ask(visible_to=who)),
    "attempts.list_attempts": lambda tx, ids, who: attempts.list_attempts(tx, ids["run"], who),
    "datasets.find_datasets": lambda tx, ids, who: datasets.find_datasets(tx, ids["dataset"], who),
    "datasets.get_dataset": lambda tx, ids, who: datasets.get_dataset(tx, ids["dataset"], who),
    "datasets.list_datasets": lambda tx, ids, who: datasets.list_datasets(tx, Ask(visible_to=who)),
    "deployments.find_deployment": lambda tx, ids, who: deployments.find_deployment(tx, "live", who),
    "deployments.get_deployment": lambda tx, ids, who: deployments.get_deployment(tx, ids["deployment"], who),
    "deployments.history": lambda tx, ids, who: deployments.history(tx, ids["deployment"], who),
    "deployments.list_deployments": lambda tx, ids, who: deployments.list_deployments(tx, Ask(visible_to=who)),
    "events.replay": lambda tx, ids, who: events.replay(tx, run=ids["run"], visible_to=who),
    "evidence.list_verdicts": lambda tx, ids, who: evidence.list_verdicts(tx, Ask(visible_to=who)),
    "evidence.reports_of": lambda tx, ids, who: evidence.reports_of(tx, ids["run"], who),
    "evidence.verdicts_of": lambda tx, ids, who: evidence.verdicts_of(tx, ids["run"], who),
    "logins.get_login": lambda tx, ids, who: logins.get_login(tx, ids["login"], who),
    "logins.list_logins": lambda tx, ids, who: logins.list_logins(tx, Ask(visible_to=who)),
    "points.list_series": lambda tx, ids, who: points.list_series(tx, ids["run"], who),
    "points.read_points": lambda tx, ids, who: points.read_points(tx, ids["run"], "train", "loss", visible_to=who),
    "fine_tunings.list_fine_tunings": lambda tx, ids, who: fine_tunings.list_fine_tunings(tx, Ask(visible_to=who)),
    "recipes.get_recipe": lambda tx, ids, who: recipes.get_recipe(tx, "toy", visible_to=who),
    "recipes.list_recipes": lambda tx, ids, who: recipes.list_recipes(tx, Ask(visible_to=who)),
    "reviews.reviews_of": lambda tx, ids, who: reviews.reviews_of(tx, ids["run"], who),
    "runs.count_runs": lambda tx, ids, who: runs.count_runs(tx, who),
    "runs.get_run": lambda tx, ids, who: runs.get_run(tx, ids["run"], who),
    "runs.list_runs": lambda tx, ids, who: runs.list_runs(tx, Ask(visible_to=who)),
    "templates.find_template": lambda tx, ids, who: templates.find_template(tx, "base", who),
    "splits.splits_of": lambda tx, ids, who: splits.splits_of(tx, DIGEST, Ask(visible_to=who)),
    "templates.get_template": lambda tx, ids, who: templates.get_template(tx, ids["template"], who),
    "templates.list_templates": lambda tx, ids, who: templates.list_templates(tx, Ask(visible_to=who)),
    "uploads.get_upload": lambda tx, ids, who: uploads.get_upload(tx, ids["upload"], who),
    "uploads.list_uploads": lambda tx, ids, who: uploads.list_uploads(tx, Ask(visible_to=who)),
}
# Users have no owner: who may list them is for the policy.
FOR_THE_POLICY = {"users.list_users"}


def functions_that_hide():
    """Return every public function of the records that takes `visible_to` or a list's `ask`."""
    for module in pkgutil.iter_modules(records.__path__):
        found = importlib.import_module(f"{records.__name__}.{module.name}")
        for name, function in inspect.getmembers(found, inspect.isfunction):
            ours = function.__module__ == found.__name__ and not name.startswith("_")
            if ours and {"visible_to", "ask"} & set(inspect.signature(function).parameters):
                yield f"{module.name}.{name}"


def found_nothing(ask):
    try:
        found = ask()
    except NotFound:
        return True
    return not getattr(found, "items", found) if not isinstance(found, dict) else not found


def test_every_function_that_can_hide_is_asked():
    assert set(functions_that_hide()) == HIDING.keys() | FOR_THE_POLICY


def test_what_is_others_is_not_there_and_what_is_ones_own_is(db, ann):
    bob = new_user(db, "bob")
    with db.write() as tx:
        ids = made_by(tx, ann)
        for name, ask in HIDING.items():
            if name != "api_keys.revoke_key":
                assert not found_nothing(lambda: ask(tx, ids, ann)), name  # noqa: B023 (called at once)
            assert found_nothing(lambda: ask(tx, ids, bob)), name  # noqa: B023
        assert api_keys.get_key(tx, ids["key"]).revoked is None


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_stored_to_the_letter_and_found_by_it_only(db, name):
    with db.write() as tx:
        made = users.create_user(tx, name=name, role="Viewer")
        assert users.find_user(tx, name) == made
        assert users.list_users(tx, Ask(prefix={"name": name[:1]})).items == (made,)
        assert users.list_users(tx, Ask(equal={"name": "x"})).items == ()
        settings.put_setting(tx, name, {name: name}, actor=name)
        assert settings.get_setting(tx, name).value == {name: name}


def test_a_second_writer_of_a_home_is_refused_in_words_and_a_reader_is_fine(tmp_path):
    with home_lock(tmp_path, "engram server"):
        with pytest.raises(HomeBusy, match="in use by engram server"), home_lock(tmp_path, "another"):
            pass
        reader = open_database(tmp_path)
        with reader.read() as tx:
            assert tx.execute(text("SELECT 1")).scalar_one() == 1
        reader.close()


def test_of_two_servers_on_one_database_one_is_active_and_the_other_takes_over_fenced(db):
    """The old one wakes after its lease ended, and what it tries to write under it is refused with its transaction."""
    with db.write() as tx:
        first = leases.take(tx, "server", "one", 60)
        assert leases.take(tx, "server", "two", 60) is None
        tx.execute(update(tables.leases).values(until=now(tx) - 1))
    with db.write() as tx:
        second = leases.take(tx, "server", "two", 60)
    with pytest.raises(Conflict, match="is lost"), db.write() as tx:
        settings.put_setting(tx, "policy", "of a ghost", actor="one")
        leases.hold(tx, first)
    with db.write() as tx:
        leases.hold(tx, second)
        assert settings.get_setting(tx, "policy") is None


def test_fifty_submits_with_one_key_queue_one_run(db, ann):
    gate = threading.Barrier(50)

    def submit(_):
        gate.wait()
        with db.write() as tx:
            said = once(tx, ann, "runs.create", "key", "body")
            if isinstance(said, Answer):
                return said.body
            run = runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={})
            return finish(tx, said, 201, run.id).body

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(submit, range(50)))
    with db.write() as tx:
        assert answers == {run.id for run in runs.list_runs(tx, Ask()).items}
        assert len(answers) == 1
        with pytest.raises(Conflict, match="another request"):
            once(tx, ann, "runs.create", "key", "another body")


def test_a_zombie_attempt_is_refused_whatever_its_clock_says(db, ann, monkeypatch):
    with db.write() as tx:
        run = made_by(tx, ann)["run"]
        attempts.start_attempt(tx, run, runner="local", seconds=60)
    for wrong in (-3600.0, 3600.0):
        right = time.time() + wrong
        monkeypatch.setattr(time, "time", lambda at=right: at)
        late = Event(run, 1, 1, 1, "2099-01-01T00:00:00Z", "train", "metric", {"step": 2, "loss": 0.0})
        with pytest.raises(StaleEpoch), db.write() as tx:
            ingest(tx, run, 1, 1, [late])
    with db.read() as tx:
        assert [one.event.seq for one in events.replay(tx, run=run)] == [0]


def test_events_with_false_times_keep_the_order_of_their_numbers(db, ann):
    with db.write() as tx:
        run = made_by(tx, ann)["run"]
        times = ["2099-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]
        said = [
            Event(run, 1, 1, seq, at, "train", "metric", {"step": 1, "loss": seq}) for seq, at in enumerate(times, 1)
        ]
        ingest(tx, run, 1, 1, said)
        assert [one.seq for one in events.events_of(tx, run, 1)] == [0, 1, 2, 3]
        assert [one.value for one in points.read_points(tx, run, "train", "loss")] == [3.0]
        assert attempts.expired(tx) == ()


def test_a_full_disk_is_told_keeps_nothing_half_and_recovers(tmp_path):
    """SQLite's own limit of pages stands for the disk: it fails at the same place with the same error."""
    from support.databases import migrated_copy

    migrated_copy("sqlite", tmp_path)
    db = open_database(tmp_path)
    with db.read() as tx:
        pages = tx.execute(text("PRAGMA page_count")).scalar_one()
    with pytest.raises(PlatformError, match=r"full.*Nothing was changed.*Make room"), db.write() as tx:
        tx.execute(text(f"PRAGMA max_page_count = {pages}"))
        for number in range(200):
            settings.put_setting(tx, f"name-{number}", "x" * 4000, actor="test")
    with db.write() as tx:
        assert settings.list_settings(tx) == ()
        assert tx.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        tx.execute(text("PRAGMA max_page_count = 1000000"))
        settings.put_setting(tx, "name", "x" * 4000, actor="test")
    db.close()


def test_a_disk_that_fills_up_during_a_backup_leaves_none(tmp_path, monkeypatch):
    from support.stored import fill

    from engram.store import backup as room

    home = fill(tmp_path / "home")

    def full(*_):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(room, "write_json", full)
    with pytest.raises(PlatformError, match=r"No space left.*Nothing is left of it"):
        room.backup(home, tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    monkeypatch.undo()
    room.backup(home, tmp_path / "saved")
    monkeypatch.setattr(room, "fsync_tree", full)
    with pytest.raises(PlatformError, match="No space left"):
        room.restore(tmp_path / "saved", tmp_path / "back")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "saved"}
    shutil.rmtree(tmp_path / "saved")
