"""Pieces, room and people: what is acknowledged counts, quotas hold, and nobody sees what is on its way to another."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.uploading import GOOD, people_in

from engram.security.api_keys import make_api_key
from engram.server import uploads as arriving
from engram.store import tables
from engram.store.pages import Ask
from engram.store.records import datasets, settings, uploads

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    with people_in(tmp_path_factory.mktemp("home")) as one:
        yield one


def rows_of(people):
    """Return how many datasets there are."""
    with people.here.db.read() as tx:
        return len(datasets.list_datasets(tx, Ask(limit=200)).items)


@pytest.fixture
def clean(people):
    """Whatever the test does, no byte and no dataset may be left of it."""
    before, rows = people.bytes_on_disk(), rows_of(people)
    yield people
    assert people.bytes_on_disk() == before
    assert rows_of(people) == rows


# --- pieces ----------------------------------------------------------------------------------------------------------


def test_a_piece_goes_where_the_last_one_ended_and_the_refusal_says_where(people):
    upload = people.begin("ann", "rows.csv", len(GOOD)).json()["id"]
    assert people.piece("ann", upload, 0, GOOD[:100]).json()["received"] == 100
    for offset, content in ((0, b"other"), (99, b"x"), (101, b"x"), (100, GOOD)):
        told = people.piece("ann", upload, offset, content)
        assert (told.status_code, told.json()["received"], told.headers["upload-offset"]) == (409, 100, "100")
    assert "not whole" in people.finish("ann", upload).json()["detail"]
    assert people.ask("ann", "GET", f"/uploads/{upload}").headers["upload-offset"] == "100"
    assert people.piece("ann", upload, 100, GOOD[100:]).json()["received"] == len(GOOD)
    assert people.finish("ann", upload).json()["dataset"]["rows"] == 30


def test_a_piece_is_bounded_by_the_bytes_that_come_and_not_by_what_a_header_says(clean):
    upload = clean.begin("ann", "rows.csv", 1 << 30).json()["id"]
    endless = (b"a" * (1 << 20) for _ in range(9))
    assert clean.piece("ann", upload, 0, endless).status_code == 413
    assert clean.piece("ann", upload, 0, b"a" * (arriving.PIECE_BYTES + 1)).status_code == 413
    assert clean.piece("ann", upload, 0, b"").status_code == 422
    assert clean.piece("ann", upload, 0, b"a", kind="text/csv").status_code == 415
    assert clean.ask("ann", "GET", f"/uploads/{upload}").json()["received"] == 0
    assert clean.ask("ann", "DELETE", f"/uploads/{upload}").status_code == 204


def test_what_lies_behind_the_acknowledged_bytes_is_cut_away_by_the_next_piece(people):
    upload = people.begin("ann", "rows.csv", len(GOOD)).json()["id"]
    people.piece("ann", upload, 0, GOOD[:50])
    path = people.home / "uploads" / upload / "data.csv"
    with path.open("ab") as stream:
        stream.write(b"never acknowledged, and longer than what comes" * 10)
    people.piece("ann", upload, 50, GOOD[50:])
    assert path.read_bytes() == GOOD
    assert people.finish("ann", upload).status_code == 200


def test_a_link_in_the_place_of_the_bytes_is_not_followed(people, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    upload = people.begin("ann", "rows.csv", 6).json()["id"]
    (people.home / "uploads" / upload).mkdir(parents=True)
    (people.home / "uploads" / upload / "data.csv").symlink_to(tmp_path / "secret")
    assert people.piece("ann", upload, 0, b"public").status_code == 507
    assert (tmp_path / "secret").read_bytes() == b"secret"
    people.ask("ann", "DELETE", f"/uploads/{upload}")


def test_fifty_parallel_finishes_make_one_dataset(people):
    content = GOOD + b"once,a\n"
    upload = people.send("ann", "once.csv", content)
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(lambda _: people.finish("ann", upload), range(50)))
    assert {one.status_code for one in said} <= {200, 409}
    ids = {one.json()["dataset"]["id"] for one in said if one.status_code == 200}
    assert len(ids) == 1
    assert people.finish("ann", upload).json()["dataset"]["id"] in ids
    with people.here.db.read() as tx:
        assert len(datasets.find_datasets(tx, "once.csv")) == 1
    assert len(people.here.ledger.find("dataset.registered", ids.pop())) == 1


def test_parallel_uploads_of_the_same_file_are_one_dataset_too(people):
    content = GOOD + b"same,a\n"
    sent = [people.send("ann", "same.csv", content) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda one: people.finish("ann", one), sent))
    assert {one.status_code for one in said} == {200}
    assert len({one.json()["dataset"]["id"] for one in said}) == 1


def test_only_a_few_files_are_checked_at_a_time(people):
    upload = people.send("ann", "waits.csv", GOOD + b"waits,a\n")
    with contextlib.ExitStack() as stack:
        for _ in range(arriving.MOST_CHECKS):
            stack.enter_context(arriving.checking())
        told = people.finish("ann", upload)
        assert (told.status_code, told.headers["retry-after"]) == (429, "5")
    assert people.finish("ann", upload).status_code == 200


# --- room ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def quotas(people):
    """Set quotas, and forget them again."""

    def put(**bytes):
        with people.here.db.write() as tx:
            for name, value in bytes.items():
                settings.put_setting(tx, f"quota.{name}", value, actor="test")

    yield put
    with people.here.db.write() as tx:
        tx.execute(tables.settings.delete())


def test_a_user_has_her_quota_for_what_she_keeps_and_what_is_on_its_way(people, quotas):
    quotas(user_bytes=1000)
    first = people.begin("bob", "a.csv", 600).json()["id"]
    told = people.begin("bob", "b.csv", 401)
    assert (told.status_code, told.json()["error"]) == (507, "NoRoom")
    assert "400" in told.json()["detail"]
    assert people.ask("bob", "DELETE", f"/uploads/{first}").status_code == 204
    kept = people.dataset("bob", "kept.csv")
    assert people.begin("bob", "c.csv", 1001 - len(GOOD)).status_code == 507
    assert people.begin("bob", "c.csv", 1000 - len(GOOD)).status_code == 201
    assert people.ask("bob", "DELETE", f"/datasets/{kept['id']}").status_code == 204
    assert people.begin("bob", "d.csv", len(GOOD)).status_code == 201


def test_the_home_has_a_quota_in_which_equal_files_count_once(people, quotas):
    for who in ("ann", "root"):
        people.dataset(who, "equal.csv", GOOD + b"equal,a\n")
    with people.here.db.read() as tx:
        used = uploads.open_bytes(tx)[0] + datasets.stored_bytes(tx)
    quotas(home_bytes=used + 100)
    assert people.begin("root", "a.csv", 101).status_code == 507
    assert people.begin("root", "a.csv", 100).status_code == 201


def test_a_quota_that_is_no_number_admits_nothing(people, quotas):
    quotas(user_bytes="plenty")
    assert people.begin("ann", "a.csv", 1).status_code == 500


def test_nothing_is_admitted_that_would_leave_less_than_five_percent_of_the_disk(people, monkeypatch):
    with people.here.db.read() as tx:
        coming, received = uploads.open_bytes(tx)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1000, 0, 50 + 10 + coming - received))
    assert people.begin("ann", "a.csv", 11).status_code == 507
    assert people.begin("ann", "a.csv", 10).status_code == 201


def test_a_full_disk_refuses_the_piece_and_goes_on_when_there_is_room(people, monkeypatch):
    upload = people.begin("ann", "rows.csv", len(GOOD)).json()["id"]
    people.piece("ann", upload, 0, GOOD[:10])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        told = people.piece("ann", upload, 10, GOOD[10:])
    assert (told.status_code, told.json()["error"]) == (507, "NoRoom")
    assert people.ask("ann", "GET", f"/uploads/{upload}").json()["received"] == 10
    people.piece("ann", upload, 10, GOOD[10:])
    assert people.finish("ann", upload).status_code == 200


def age(people, upload):
    with people.here.db.write() as tx:
        tx.execute(tables.uploads.update().where(tables.uploads.c.id == upload).values(expires=1))


def test_an_upload_whose_time_is_over_gives_its_room_back(people):
    upload = people.begin("ann", "rows.csv", len(GOOD)).json()["id"]
    people.piece("ann", upload, 0, GOOD[:10])
    age(people, upload)
    people.begin("ann", "next.csv", 1)
    assert people.ask("ann", "GET", f"/uploads/{upload}").json()["state"] == "aborted"
    assert not (people.home / "uploads" / upload).exists()
    assert people.piece("ann", upload, 10, GOOD[10:]).status_code == 409


# --- other people ----------------------------------------------------------------------------------------------------


def test_an_upload_of_others_does_not_exist(people):
    upload = people.send("ann", "private.csv", GOOD)
    for who in ("bob", "eve"):
        for answer in (
            people.ask(who, "GET", f"/uploads/{upload}"),
            people.piece(who, upload, 0, b"x"),
            people.finish(who, upload),
            people.ask(who, "DELETE", f"/uploads/{upload}"),
        ):
            assert answer.status_code in (403, 404)
        if who == "bob":
            assert upload not in people.ask(who, "GET", "/uploads?limit=200").text
    assert people.ask("ann", "DELETE", f"/uploads/{upload}").status_code == 204


def test_a_viewer_begins_no_upload(clean):
    assert clean.begin("eve", "rows.csv", 10).status_code == 403


def test_a_key_for_uploads_alone_makes_no_dataset(people):
    made = make_api_key(people.here.keys, people.ids["ann"], "narrow", ["uploads.*"], time.time)
    people.keys["narrow"] = made.text
    assert people.begin("narrow", "rows.csv", 10).status_code == 403
    upload = people.send("ann", "rows.csv", GOOD + b"narrow,a\n")
    assert people.finish("narrow", upload).status_code == 403
    people.ask("ann", "DELETE", f"/uploads/{upload}")


def test_a_recipe_can_not_name_what_is_anothers(people):
    made = people.dataset("ann", "anns.csv", GOOD + b"anns,a\n")
    for said in ("anns.csv", made["digest"], made["id"]):
        sets = [f"data.sources=[{{dataset: {json.dumps(said)}}}]"]
        body = {"recipe": "quickstart", "set": sets}
        assert people.ask("bob", "POST", "/runs", body).status_code == 404, said
        asked = {"name": "sly", "kind": "language", "task": "classify", "source": "embedded:minilm", "dataset": said}
        assert people.ask("bob", "POST", "/templates", asked).status_code == 404, said
