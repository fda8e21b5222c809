"""Datasets of a server: brought in, shown, mapped, fetched, renamed, used by runs, and deleted."""

from __future__ import annotations

import json

import pytest
from support.rows import records_of, write_rows
from support.uploading import GOOD, people_in

from engram import registry
from engram.data.names import add_dataset, list_datasets
from engram.data.prepare import prepare_split
from engram.data.stored import find_content
from engram.errors import DataError, NotFound
from engram.files import sha256_bytes
from engram.pipeline.folder import RunFolder
from engram.schema.recipe import Data, Source
from engram.schema.report import Report
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.gc import plan, sweep
from engram.store.pages import Ask
from engram.store.records import datasets, evidence, runs


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    with people_in(tmp_path_factory.mktemp("home")) as one:
        yield one


def other(word):
    """Return a good file that no other test sends."""
    return GOOD + f"{word},a\n".encode()


def test_a_finished_upload_is_a_dataset_with_what_it_holds(people):
    content = b"text,label\ngood,a\nbad,b\ngood,a\n\n,b\nlonger text,b\n"
    made = people.dataset("ann", "first.csv", content, license="CC0-1.0")
    assert (made["name"], made["rows"], made["format"], made["license"]) == ("first.csv", 5, "csv", "CC0-1.0")
    assert made["digest"] == sha256_bytes(content)
    assert made["bytes"] == len(content)
    quality = made["quality"]
    assert (quality["blank"], quality["duplicates"], quality["missing"]) == (1, 1, {"text": 1})
    assert quality["labels"]["label"] == {"b": 3, "a": 2}
    assert quality["lengths"]["text"] == {"least": 3, "most": 11, "mean": 5.5}
    said = [(one["line"], one["column"]) for one in quality["flagged"]]
    assert said == [(5, ""), (6, "text")]
    folder = people.home / "datasets" / made["digest"].removeprefix("sha256:")
    assert (folder / "data.csv").read_bytes() == content
    assert json.loads((folder / "dataset.json").read_text())["digest"] == made["digest"]
    (entry,) = people.here.ledger.find("dataset.registered", made["id"])
    assert (entry.body, entry.actor) == ({"digest": made["digest"]}, people.ids["ann"])
    assert "first" not in json.dumps(dict(entry.body))
    assert not (people.home / "uploads" / "first").exists()


@pytest.mark.parametrize("name", registry.names("reader"))
def test_every_format_that_is_read_comes_in(people, tmp_path, name):
    path = tmp_path / f"rows.{'txt' if name == 'text' else name}"
    write_rows(name, path, records_of(name, 20, f"of {name}"))
    made = people.dataset("ann", path.name, path.read_bytes())
    assert (made["format"], made["rows"]) == (name, 20)
    assert find_content(people.home / "datasets", made["digest"]).name == f"data.{name}"


def test_the_preview_says_which_column_plays_which_role_and_what_is_wrong(people):
    made = people.dataset("ann", "mapped.csv", b"sentence,class\nhello,a\n,b\nbye,b\n")
    path = f"/datasets/{made['id']}/preview?kind=language&task=classify"
    told = people.ask("ann", "GET", path).json()
    assert told["columns"] == ["sentence", "class"]
    assert told["rows"][0] == {"line": 2, "cells": {"sentence": "hello", "class": "a"}}
    assert told["mapping"]["usable"] == 0
    assert told["mapping"]["problems"]
    told = people.ask("ann", "GET", f"{path}&columns=text=sentence,label=class").json()["mapping"]
    assert (told["form"], told["usable"]) == ("label", 2)
    assert [(one["role"], one["column"], one["found"]) for one in told["roles"]] == [
        ("text", "sentence", True),
        ("label", "class", True),
    ]
    assert told["problems"] == ["line 3: the column 'sentence' is empty; the row would be dropped."]
    assert people.ask("ann", "GET", f"{path}&columns=text").status_code == 422
    assert people.ask("ann", "GET", f"/datasets/{made['id']}/preview?kind=language").status_code == 422
    assert people.ask("ann", "GET", f"/datasets/{made['id']}/preview?kind=language&task=sing").status_code == 422


def test_the_preview_tells_cells_of_the_wrong_kind_by_line_and_column(people):
    rows = [{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]}]
    rows += [{"messages": [{"role": "robot", "content": "hi"}]}, {"messages": [{"role": "user", "content": "alone"}]}]
    made = people.dataset("ann", "chats.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    told = people.ask("ann", "GET", f"/datasets/{made['id']}/preview").json()["mapping"]
    assert (told["form"], told["usable"]) == ("messages", 1)
    assert told["problems"][0].startswith("line 2, column 'messages': message 1")
    assert told["problems"][1] == "line 3: nothing to learn from; the row would be dropped."


def test_a_download_gives_the_bytes_that_came_in_and_nothing_that_a_browser_opens(people):
    made = people.dataset("ann", "fetched.csv", other("fetched"))
    told = people.ask("ann", "GET", f"/datasets/{made['id']}/download")
    assert told.content == other("fetched")
    assert told.headers["content-type"] == "application/octet-stream"
    assert told.headers["content-disposition"] == 'attachment; filename="fetched.csv"'
    assert told.headers["x-content-type-options"] == "nosniff"
    assert people.ask("bob", "GET", f"/datasets/{made['id']}/download").status_code == 404


def test_name_and_licence_change_by_the_version_that_was_read(people):
    made = people.dataset("ann", "named.csv", other("named"))
    people.dataset("ann", "taken.csv", other("taken"))
    path = f"/datasets/{made['id']}"
    tag = people.ask("ann", "GET", path).headers["etag"]
    changed = people.ask("ann", "PATCH", path, {"name": "renamed", "license": "own"}, headers={"If-Match": tag})
    assert (changed.json()["name"], changed.json()["license"]) == ("renamed", "own")
    stale = people.ask("ann", "PATCH", path, {"name": "again"}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["error"]) == (412, "Changed")
    assert people.ask("ann", "PATCH", path, {"name": "again", "version": made["version"]}).status_code == 409
    assert people.ask("ann", "PATCH", path, {"name": "taken.csv"}).status_code == 409
    for body in ({}, {"name": "../x"}, {"digest": "x"}):
        assert people.ask("ann", "PATCH", path, body).status_code == 422
    assert people.ask("ann", "PATCH", path, {"license": "x"}, headers={"If-Match": "abc"}).status_code == 412


def test_a_name_means_one_dataset_of_its_owner(people):
    first = people.dataset("ann", "one.csv", other("one"))
    assert people.dataset("ann", "one.csv", other("one"))["id"] == first["id"]
    upload = people.send("ann", "one.csv", other("two"))
    assert people.finish("ann", upload).status_code == 409
    assert people.finish("ann", upload, name="two.csv").status_code == 200
    assert people.dataset("bob", "one.csv", other("bobs"))["id"] != first["id"]


def names_of(people, who):
    return [one["name"] for one in people.ask(who, "GET", "/datasets?limit=200").json()["items"]]


def test_a_deleted_dataset_leaves_a_tombstone_and_what_others_have_stays(people):
    content = other("shared content")
    anns, bobs = (people.dataset(who, "shared.csv", content) for who in ("ann", "bob"))
    assert anns["digest"] == bobs["digest"]
    assert people.ask("ann", "DELETE", f"/datasets/{anns['id']}", headers={"If-Match": '"9"'}).status_code == 412
    assert people.ask("ann", "DELETE", f"/datasets/{anns['id']}").status_code == 204
    assert people.ask("ann", "GET", f"/datasets/{anns['id']}").status_code == 404
    assert "shared.csv" not in names_of(people, "ann")
    with people.here.db.read() as tx:
        gone = datasets.get_dataset(tx, anns["id"])
    assert (gone.name, gone.digest, dict(gone.body)) == ("", anns["digest"], {})
    (entry,) = people.here.ledger.find("dataset.deleted", anns["id"])
    assert entry.body == {"digest": anns["digest"]}
    folder = f"datasets/{anns['digest'].removeprefix('sha256:')}"
    assert folder not in {item.path for item in plan(people.here.db, people.home)}
    assert people.ask("bob", "GET", f"/datasets/{bobs['id']}/download").content == content
    people.ask("bob", "DELETE", f"/datasets/{bobs['id']}")
    items = [item for item in plan(people.here.db, people.home) if item.path == folder]
    assert len(items) == 1
    sweep(people.here.db, people.home, items)
    assert not (people.home / folder).exists()


def run_with(people, who, said, **more):
    sets = [f"data.sources=[{{dataset: {json.dumps(said)}}}]", "data.columns={text: text, label: label}"]
    return people.ask(who, "POST", "/runs", {"recipe": "quickstart", "set": sets, **more})


def test_a_run_pins_the_dataset_that_its_recipe_names(people):
    made = people.dataset(
        "ann", "used.csv", b"text;label\n" + b"".join(b"row %d;a\n" % i for i in range(9)), license="own"
    )
    for said in ("used.csv", made["digest"]):
        queued = run_with(people, "ann", said)
        assert queued.status_code == 201, queued.text
        (source,) = RunFolder(people.home / "runs" / queued.json()["id"]).recipe().data.sources
        assert (source.dataset, source.format, source.license) == (made["digest"], "csv", "own")
    assert run_with(people, "ann", "nothing.csv").status_code == 404
    assert run_with(people, "bob", "used.csv").status_code == 404
    assert run_with(people, "root", "used.csv").status_code == 201


def test_what_a_waiting_run_will_read_stays_when_its_dataset_is_deleted(people):
    made = people.dataset("ann", "waited.csv", other("waited for"))
    queued = run_with(people, "ann", "waited.csv").json()
    people.ask("ann", "DELETE", f"/datasets/{made['id']}")
    folder = f"datasets/{made['digest'].removeprefix('sha256:')}"
    assert folder not in {item.path for item in plan(people.here.db, people.home)}
    record = people.home / "runs" / queued["id"] / "run.json"
    record.write_text(record.read_text().replace('"queued"', '"cancelled"'))
    assert folder in {item.path for item in plan(people.here.db, people.home)}


def test_a_licence_for_research_alone_is_refused_for_commercial_use(people):
    people.dataset("ann", "research.csv", other("research"), license="cc-by-nc-4.0")
    told = run_with(people, "ann", "research.csv")
    assert told.status_code == 422
    assert "commercial" in told.json()["detail"]


def test_the_pipeline_reads_a_dataset_by_its_digest_and_notices_a_changed_one(people, tmp_path):
    made = people.dataset("ann", "read.csv", other("read"))
    data, stored = Data((Source(dataset=made["digest"]),)), people.home / "datasets"
    prepared = prepare_split(data, folder=tmp_path, cache=stored)
    assert (prepared.report.rows_kept, prepared.split.sources[0].digest) == (31, made["digest"])
    path = find_content(stored, made["digest"])
    path.write_bytes(other("raed"))
    with pytest.raises(DataError, match="changed on the disk"):
        prepare_split(data, folder=tmp_path, cache=stored)
    again = people.dataset("ann", "read.csv", other("read"))
    assert again["id"] == made["id"]
    assert path.read_bytes() == other("read")
    with pytest.raises(NotFound):
        prepare_split(Data((Source(dataset="sha256:" + "0" * 64),)), folder=tmp_path, cache=stored)


def test_what_was_added_without_a_server_belongs_to_the_first_admin_of_one(tmp_path):
    home, file = tmp_path / "home", tmp_path / "local.csv"
    file.write_bytes(GOOD)
    made = add_dataset(home / "datasets", file, Source(license="own"), "local")
    settings = load_settings({"ENGRAM_HOME": str(home)})
    for _ in range(2):  # a second start changes nothing
        with open_platform(settings, "http://127.0.0.1:1") as (here, _password):
            with here.db.read() as tx:
                (found,) = datasets.find_datasets(tx, "local")
            assert (found.digest, found.license, found.rows) == (made.digest, "own", 30)
    with people_in(home) as people:
        assert people.ask("root", "DELETE", f"/datasets/{found.id}").status_code == 204
        assert list_datasets(home / "datasets") == {}


@pytest.mark.parametrize("content", ["{", "[]", '{"names": {"x": 1}}', '{"names": {"../x": {}}}'])
def test_a_damaged_list_of_local_names_stops_no_first_start(tmp_path, content):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "names.json").write_text(content)
    settings = load_settings({"ENGRAM_HOME": str(tmp_path)})
    with open_platform(settings, "http://127.0.0.1:1") as (here, password), here.db.read() as tx:
        assert password
        assert datasets.list_datasets(tx, Ask()).items == ()


def test_a_sample_becomes_a_dataset_of_one_s_own_once(people):
    made = people.ask("bob", "POST", "/datasets/samples/support_tickets")
    assert made.status_code == 201, made.text
    said = made.json()
    assert (said["name"], said["owner"], said["format"]) == ("support_tickets.csv", people.ids["bob"], "csv")
    assert said["rows"] > 100
    assert people.ask("bob", "POST", "/datasets/samples/support_tickets").json()["id"] == said["id"]
    assert find_content(people.home / "datasets", said["digest"]).stat().st_nlink == 1  # the package's file stays alone
    assert people.ask("eve", "POST", "/datasets/samples/support_tickets").status_code == 403
    unknown = people.ask("bob", "POST", "/datasets/samples/suport_tickets")
    assert unknown.status_code in (404, 422)
    assert "support_tickets" in unknown.text


def test_the_home_says_what_is_taken_and_whether_it_is_sealed(people):
    before = people.ask("eve", "GET", "/home").json()
    made = people.dataset("ann", "room.csv", other("of room"))
    after = people.ask("eve", "GET", "/home").json()
    assert after["everybody"]["used"] - before["everybody"]["used"] == made["bytes"]
    assert after["own"] == before["own"]  # it is ann's, not eve's
    assert before["sealed"] is False
    assert people.ask("ann", "GET", "/home").json()["own"]["used"] >= made["bytes"]


def test_the_splits_of_a_dataset_are_those_of_the_runs_that_one_may_see(people):
    made, sibling = people.dataset("ann", "dealt.csv", other("dealt")), people.dataset("ann", "not.csv", other("not"))

    def run(digest, split, reading=(), owner="ann", **more):
        body = {"data": {"sources": [{"dataset": digest}]}}
        with people.here.db.write() as tx:
            kind = {"recipe": "toy", "kind": "language", "task": "generate"}
            one = runs.create_run(tx, owner=people.ids[owner], body=body, **kind)
            details = {"rows": {"train": 8, "valid": 1, "test": 1}, "reading": list(reading)}
            report = Report(run=one.id, stage="data", n=10, split_digest=split, metrics={}, details=details)
            evidence.put_report(tx, report)
            if more:
                runs.change_run(tx, one.id, **more)
        return one.id

    reading = [{"text": "where is it", "learned": False}, {"text": "on its way", "learned": True}]
    run(made["digest"], "sha256:a")
    run(sibling["digest"], "sha256:b")
    run(made["digest"], "sha256:c", owner="bob")
    shared = run(made["digest"], "sha256:d", owner="bob", shared=True)
    last = run(made["digest"], "sha256:a", reading)
    found = people.ask("ann", "GET", f"/datasets/{made['id']}/splits").json()["items"]
    rows = {"train": 8, "valid": 1, "test": 1}
    first = {"digest": "sha256:a", "run": last, "recipe": "toy", "runs": 2, "rows": rows, "reading": reading}
    assert [(one["digest"], one["run"]) for one in found] == [("sha256:a", last), ("sha256:d", shared)]
    assert found[0] == first
    assert people.ask("bob", "GET", f"/datasets/{made['id']}/splits").status_code == 404
