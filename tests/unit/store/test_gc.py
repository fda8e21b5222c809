"""Garbage: what goes, what stays whatever happens, and that a dry run changes nothing."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update
from support.stored import LIVE, LOST, OLD, contents, fill, write

from engram.store import rows, tables
from engram.store.database import now
from engram.store.gc import forget_expired, plan, sweep
from engram.store.home import open_home
from engram.store.idempotency import once
from engram.store.records import artifacts, datasets, uploads, users


@pytest.fixture
def home(tmp_path):
    return fill(tmp_path / "home")


@pytest.fixture
def opened(home):
    db = open_home(home)
    yield db
    db.close()


def paths(items):
    return {item.path for item in items}


UNUSED = {f"artifacts/{LOST}", "datasets/unused", "datasets/data", "runs/r_1/checkpoints/checkpoint-1"}


def test_a_plan_names_what_nothing_refers_to_with_size_and_reason_and_changes_nothing(home, opened):
    before = contents(home)
    items = plan(opened, home)
    assert paths(items) == UNUSED - {"datasets/data"}
    assert {item.bytes for item in items} == {10}
    assert all(item.why for item in items)
    assert {item.sort for item in items} == {"artifact", "dataset", "checkpoint"}
    assert contents(home) == before


def test_a_sweep_removes_what_was_planned_and_nothing_else(home, opened):
    before = contents(home)
    gone = sweep(opened, home, plan(opened, home))
    after = contents(home)
    assert paths(gone) == UNUSED - {"datasets/data"}
    assert {path for path in before if path not in after} == {f"{item.path}/{name}" for item in gone for name in (
        ["rows.jsonl"] if item.sort == "dataset" else ["model.safetensors"])}  # fmt: skip
    assert plan(opened, home) == ()
    assert all(after[path] == before[path] for path in after)


def test_what_came_into_use_since_the_plan_stays(home, opened):
    items = plan(opened, home)
    write(home / "runs" / "r_2" / "data.json", json.dumps({"folder": "unused"}))
    write(home / "artifacts" / LOST / "certificate.json")
    assert paths(sweep(opened, home, items)) == {"runs/r_1/checkpoints/checkpoint-1"}
    assert sweep(opened, home, []) == ()


def test_without_a_database_only_files_speak(home):
    """A certificate keeps an artifact, a run keeps its data; what only the database knew is not known here."""
    for digest in (LIVE, OLD):
        write(home / "artifacts" / digest / "certificate.json")
    assert paths(plan(None, home)) == UNUSED


def test_deleted_things_go_unless_they_are_deployed_certified_or_pinned(home, opened):
    with opened.write() as tx:
        artifacts.delete_artifact(tx, f"sha256:{OLD}")
        tx.execute(update(tables.datasets).values(deleted=now(tx)))
    assert {f"artifacts/{OLD}", "datasets/data"} <= paths(plan(opened, home))
    with opened.write() as tx:
        tx.execute(update(tables.artifacts).where(tables.artifacts.c.digest == f"sha256:{OLD}").values(pinned=True))
        datasets.change_dataset(tx, tx.execute(tables.datasets.select()).one().id, pinned=True)
    assert not {f"artifacts/{OLD}", "datasets/data"} & paths(plan(opened, home))
    with opened.write() as tx:
        tx.execute(update(tables.artifacts).values(pinned=False, entry=7))
    assert f"artifacts/{OLD}" not in paths(plan(opened, home))
    with opened.write() as tx:  # deployed is stronger than a row that says deleted
        tx.execute(update(tables.artifacts).values(entry=None, deleted=1))
    assert paths(plan(opened, home)) & {f"artifacts/{OLD}", f"artifacts/{LIVE}"} == {f"artifacts/{OLD}"}


def test_a_run_whose_record_can_not_be_read_keeps_all_data_and_all_its_checkpoints(home, opened):
    write(home / "runs" / "r_1" / "data.json", "{")
    write(home / "runs" / "r_1" / "checkpoints" / "best.json", "")
    assert paths(plan(opened, home)) == {f"artifacts/{LOST}"}
    (home / "runs" / "r_1" / "checkpoints" / "best.json").unlink()
    (home / "runs" / "r_1" / "checkpoints" / "latest.json").unlink()
    assert paths(plan(opened, home)) == {f"artifacts/{LOST}"}


def test_leftovers_go_but_an_artifact_that_only_lacks_its_rename_stays(home, opened):
    write(home / "artifacts" / ".pending-x" / "model")
    write(home / "artifacts" / ".pending-y" / "certificate.json")
    write(home / "datasets" / ".tmp-x" / "rows")
    write(home / "runs" / "r_1" / "checkpoints" / ".tmp-9-x" / "model")
    write(home / ".tmp-upgrade-x" / "engram.db")
    left = {item.path for item in plan(opened, home) if item.sort == "leftover"}
    assert left == {"artifacts/.pending-x", "datasets/.tmp-x", "runs/r_1/checkpoints/.tmp-9-x", ".tmp-upgrade-x"}
    sweep(opened, home, plan(opened, home))
    assert (home / "artifacts" / ".pending-y" / "certificate.json").exists()
    assert plan(opened, home) == ()


def test_a_link_is_never_followed(home, opened, tmp_path):
    write(tmp_path / "precious" / "file")
    (home / "datasets" / "link").symlink_to(tmp_path / "precious")
    sweep(opened, home, plan(opened, home))
    assert (tmp_path / "precious" / "file").exists()


def test_rows_whose_time_is_over_are_forgotten(opened):
    with opened.write() as tx:
        once(tx, "u", "o", "k", "d")
        assert rows.count(tx, tables.idempotency) == 1
    assert forget_expired(opened) == 0
    with opened.write() as tx:
        tx.execute(update(tables.idempotency).values(until=now(tx) - 1))
    assert forget_expired(opened) == 1
    with opened.read() as tx:
        assert users.count_users(tx) == 1


def test_the_bytes_of_uploads_go_when_their_time_is_over_and_stay_while_they_arrive(home, opened):
    with opened.write() as tx:
        ann = users.find_user(tx, "ann").id
        said = {"owner": ann, "purpose": "dataset", "name": "a.csv", "size": 10}
        living, over = (uploads.create_upload(tx, seconds=60, **said).id for _ in range(2))
        tx.execute(update(tables.uploads).where(tables.uploads.c.id == over).values(expires=1))
    for one in (living, over, "up_lost"):
        write(home / "uploads" / one / "data.csv")
    items = [item for item in plan(opened, home) if item.sort == "upload"]
    assert paths(items) == {f"uploads/{over}", "uploads/up_lost"}
    sweep(opened, home, items)
    assert (home / "uploads" / living / "data.csv").exists()
    assert not (home / "uploads" / over).exists()
    forget_expired(opened)
    with opened.read() as tx:
        assert [uploads.get_upload(tx, one).state for one in (living, over)] == ["open", "aborted"]


def test_the_data_of_names_and_of_runs_that_wait_stays(home, opened):
    named, waited, ended = ("d" * 64, "e" * 64, "f" * 64)
    for digest in (named, waited, ended):
        write(home / "datasets" / digest / "data.csv")
    local = {"name": "mails", "digest": f"sha256:{named}", "license": "", "bytes": 1, "rows": 1, "read": {}}
    write(home / "datasets" / "names.json", json.dumps({"names": {"mails": {**local, "quality": {}}}}))
    for run, digest, state in (("r_2", waited, "queued"), ("r_3", ended, "published")):
        recipe = {"data": {"sources": [{"dataset": f"sha256:{digest}"}, {"dataset": None}]}}
        write(home / "runs" / run / "recipe.json", json.dumps(recipe))
        write(home / "runs" / run / "run.json", json.dumps({"state": state}))
    assert f"datasets/{ended}" in paths(plan(opened, home))
    assert not {f"datasets/{named}", f"datasets/{waited}"} & paths(plan(opened, home))
    for path in (home / "runs" / "r_2" / "recipe.json", home / "datasets" / "names.json"):
        before = path.read_text()
        write(path, "{")  # what is used is not known now
        assert f"datasets/{ended}" not in paths(plan(opened, home))
        write(path, before)
