"""Templates of a server: put together, pinned, certified, verified offline, used by runs, and removed."""

from __future__ import annotations

import json

import pytest
import yaml
from support.uploading import GOOD, people_in

from engram.config.load import load_recipe
from engram.errors import VerificationFailed
from engram.files import canonical_json
from engram.ledger.certificate import staple
from engram.ledger.dsse import seal, unseal
from engram.ledger.verify import certified_digests, verify_certificate
from engram.pipeline.folder import RunFolder
from engram.pipeline.local_templates import list_templates, register
from engram.pipeline.run import open_ledger
from engram.pipeline.template import Wanted
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import runs, templates

COMMIT = "c" * 40
ASKED = {"kind": "language", "task": "classify", "source": "embedded:minilm"}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    with people_in(tmp_path_factory.mktemp("home")) as one:
        one.mails = one.dataset("ann", "mails.csv", GOOD, license="own")
        yield one


def make(people, name, who="ann", **more):
    return people.ask(who, "POST", "/templates", {"name": name, **ASKED, **more})


def registered(people, name, **more):
    made = make(people, name, **more)
    assert made.status_code == 201, made.text
    return made.json()


def checks(people, content):
    return list(verify_certificate(content, people.here.ledger.key))


def test_a_template_is_a_whole_recipe_with_everything_pinned(people):
    made = registered(people, "tickets", dataset="mails.csv", set=["train.seed=7"])
    with people.here.db.read() as tx:
        stored = templates.get_template(tx, made["id"])
        assert templates.find_template(tx, "tickets") == stored
    assert set(stored.body) == {"recipe", "recipe_text", "dataset", "certificate"}
    assert (stored.body["recipe"], stored.body["dataset"]) == ("custom_classify", people.mails["digest"])
    said = yaml.safe_load(stored.body["recipe_text"])
    assert (said["name"], said["train"]["seed"], said["model"]["source"]) == ("tickets", 7, "embedded:minilm")
    assert [one["dataset"] for one in said["data"]["sources"]] == [people.mails["digest"]]
    assert people.ask("ann", "GET", f"/templates/{made['id']}").json()["recipe_text"] == stored.body["recipe_text"]
    assert [one["id"] for one in people.ask("ann", "GET", "/templates?name=tick").json()["items"]] == [made["id"]]


def test_its_certificate_verifies_offline_and_names_what_it_is_made_of(people, tmp_path):
    made = registered(people, "certified", dataset="mails.csv")
    content = people.ask("ann", "GET", f"/templates/{made['id']}/certificate").content
    found = checks(people, content)
    assert len(found) == 6
    assert all(one.ok for one in found), found
    statement = json.loads(unseal(json.loads(content)["dsse"], people.here.ledger.key))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:engram:template:v1"
    assert statement["subject"] == [
        {"name": "urn:engram:template", "digest": {"sha256": made["digest"].removeprefix("sha256:")}}
    ]
    (tmp_path / "recipe.yaml").write_text(made["recipe_text"])
    assert statement["predicate"] == {
        "template": made["id"],
        "kind": "language",
        "task": "classify",
        "source": "embedded:minilm",
        "revision": "",
        "datasets": [{"name": "dataset", "digest": people.mails["digest"]}],
        "recipe": load_recipe(tmp_path / "recipe.yaml").digest,
    }
    (entry,) = people.here.ledger.find("template.registered", made["digest"])
    assert (entry.body["template"], entry.actor) == (made["id"], people.ids["ann"])
    with pytest.raises(VerificationFailed, match="a template's"):
        certified_digests(content, people.here.ledger.key)


def altered(content, change):
    document = json.loads(content)
    change(document)
    return canonical_json(document)


def test_whatever_is_changed_in_a_certificate_is_found(people):
    one, two = (registered(people, name, sample="support_tickets") for name in ("honest", "other"))
    content, another = (people.ask("ann", "GET", f"/templates/{each['id']}/certificate").content for each in (one, two))
    for place in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[place] ^= 1
        assert not all(check.ok for check in checks(people, bytes(flipped))), place
    for key in ("dsse", "leaf", "leaf_index"):
        mixed = altered(content, lambda document, key=key: document.update({key: json.loads(another)[key]}))
        assert not all(check.ok for check in checks(people, mixed)), key


def test_a_statement_whose_subject_is_not_its_parts_is_no_certificate(people):
    made = registered(people, "parts", sample="support_tickets")
    content = people.ask("ann", "GET", f"/templates/{made['id']}/certificate").content
    statement = json.loads(unseal(json.loads(content)["dsse"], people.here.ledger.key))
    statement["predicate"]["source"] = "org/other"
    ledger = people.here.ledger
    (entry,) = ledger.find("template.registered", made["digest"])
    forged = staple(seal(canonical_json(statement), ledger.signer), ledger, entry)
    said = [one for one in checks(people, forged) if not one.ok]
    assert "not the digest of the parts" in said[0].detail


def test_the_model_is_pinned_or_refused(people):
    assert make(people, "moving", source="org/name", sample="support_tickets").status_code == 422
    assert make(people, "moving", source="org/name", revision="main", sample="support_tickets").status_code == 422
    for name, more in (
        ("pinned", {"source": "org/name", "revision": COMMIT}),
        ("pinned_at", {"source": f"org/name@{COMMIT}"}),
    ):
        made = registered(people, name, sample="support_tickets", **more)
        assert (made["source"], made["revision"]) == ("org/name", COMMIT)
        assert yaml.safe_load(made["recipe_text"])["model"] == {
            "source": "org/name", "revision": COMMIT, "special_tokens": [], "template": None, "language": None,
        }  # fmt: skip
    assert make(people, "twice", source=f"org/name@{COMMIT}", revision="d" * 40).status_code == 422
    assert make(people, "ours", revision=COMMIT, sample="support_tickets").status_code == 422


def test_places_on_the_disk_are_for_admins(people, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    place = {"source": str(tmp_path / "model"), "sample": "support_tickets"}
    assert make(people, "placed", **place).status_code == 403
    made = make(people, "placed", who="root", **place)
    assert made.status_code == 201, made.text
    assert made.json()["revision"].startswith("sha256:")
    assert make(people, "own_data").status_code == 403  # the starter's data is a file
    assert make(people, "gone", who="root", source="/nowhere", sample="support_tickets").status_code == 404


@pytest.mark.parametrize(
    "more",
    [
        {"name": "../x"},
        {"name": "Big"},
        {"kind": "vision"},
        {"task": "tag", "recipe": "quickstart"},
        {"task": ""},
        {"task": "sing"},
        {"recipe": "nothing"},
        {"sample": "support_tickets", "dataset": "mails.csv"},
        {"sample": "../../etc"},
        {"set": ["train.seed"]},
        {"set": ["train.sed=1"]},
        {"body": {}},
    ],
)
def test_what_makes_no_sense_is_refused(people, more):
    asked = {"name": "odd", **ASKED, **({} if {"sample", "recipe"} & set(more) else {"dataset": "mails.csv"}), **more}
    assert people.ask("ann", "POST", "/templates", asked).status_code in (404, 422), more
    assert people.ask("ann", "GET", "/templates?name=odd").json()["items"] == []


def test_a_name_is_taken_once_and_the_same_request_registers_once(people):
    size = people.here.ledger.size
    asked = {"name": "single", **ASKED, "sample": "support_tickets"}
    said = [people.ask("ann", "POST", "/templates", asked, headers={"Idempotency-Key": "t"}) for _ in range(3)]
    assert len({one.json()["id"] for one in said}) == 1
    assert people.here.ledger.size == size + 1
    assert make(people, "single", who="bob", sample="support_tickets").status_code == 409
    assert people.here.ledger.size == size + 1


def test_only_the_name_changes(people):
    made = registered(people, "before", sample="support_tickets")
    path = f"/templates/{made['id']}"
    renamed = people.ask("ann", "PATCH", path, {"name": "after"}, headers={"If-Match": '"1"'}).json()
    assert (renamed["name"], renamed["digest"]) == ("after", made["digest"])
    assert people.ask("ann", "PATCH", path, {"name": "again"}, headers={"If-Match": '"1"'}).status_code == 412
    assert people.ask("ann", "PATCH", path, {"name": "x", "source": "org/other"}).status_code == 422
    assert people.ask("bob", "PATCH", path, {"name": "x"}).status_code == 404


def test_a_run_begins_with_a_template_and_keeps_it_from_being_removed(people):
    made = registered(people, "base", dataset="mails.csv")
    queued = people.ask("ann", "POST", "/runs", {"template": made["id"], "set": ["train.seed=9"]})
    assert queued.status_code == 201, queued.text
    recipe = RunFolder(people.home / "runs" / queued.json()["id"]).recipe()
    assert (recipe.name, recipe.train.seed, recipe.data.sources[0].dataset) == ("base", 9, people.mails["digest"])
    with people.here.db.read() as tx:
        assert runs.get_run(tx, queued.json()["id"]).template == made["id"]
    for body in ({}, {"template": made["id"], "recipe": "quickstart"}):
        assert people.ask("ann", "POST", "/runs", body).status_code == 422
    assert people.ask("bob", "POST", "/runs", {"template": made["id"]}).status_code == 404
    told = people.ask("ann", "DELETE", f"/templates/{made['id']}")
    assert (told.status_code, "1 run" in told.json()["detail"]) == (409, True)
    free = registered(people, "free", sample="support_tickets")
    assert people.ask("ann", "DELETE", f"/templates/{free['id']}").status_code == 204
    assert people.ask("ann", "GET", f"/templates/{free['id']}").status_code == 404
    (entry,) = people.here.ledger.find("template.deleted", free["id"])
    assert entry.body == {"digest": free["digest"]}


def test_what_was_registered_without_a_server_belongs_to_the_first_admin_of_one(tmp_path):
    home = tmp_path / "home"
    made = register(home, Wanted(name="local", sample="support_tickets", **ASKED), open_ledger(home))
    assert list_templates(home) == [made]
    settings = load_settings({"ENGRAM_HOME": str(home)})
    for _ in range(2):  # a second start changes nothing
        with open_platform(settings, "http://127.0.0.1:1") as (here, _password), here.db.read() as tx:
            found = templates.find_template(tx, "local")
        assert (found.id, found.digest, dict(found.body)) == (made.id, made.digest, dict(made.body))
    with people_in(home) as people:
        assert all(one.ok for one in checks(people, canonical_json(dict(made.body["certificate"]))))
        assert people.ask("root", "DELETE", f"/templates/{made.id}").status_code == 204
    with open_platform(settings, "http://127.0.0.1:1") as (here, _password), here.db.read() as tx:
        assert templates.find_template(tx, "local") is None
