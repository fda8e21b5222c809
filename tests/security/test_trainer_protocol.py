"""The trainer's protocol from outside: whose run it is, who is fenced out, what is never sent or believed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from sqlalchemy import update
from support.platforms import (
    ask,
    begun,
    events,
    host_attempt,
    metric,
    opened,
    prepared,
    state_of,
    tell,
    template,
    trained,
    upload,
    weights,
)

from engram.data.cache import load_split
from engram.data.rows import read_part
from engram.files import canonical_json, sha256_bytes
from engram.server.scheduler import Scheduler
from engram.store import tables
from engram.store.records import attempts, evidence, points, runs


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("house")) as platform:
        platform.template = template(platform, "mails")
        yield platform


@pytest.fixture
def run(here):
    """A run of Ann's that waits for its trainer."""
    made = begun(here, here.template)
    prepared(here, made)
    return made


@pytest.fixture
def took(here, run):
    """What Ann's trainer was answered when it took the run over."""
    return trained(here, run)


# --- start -----------------------------------------------------------------------------------------------------------


def test_a_template_begins_one_run_for_each_key(here):
    asked, keyed = {"template": here.template, "set": ["train.seed=7"]}, {"Idempotency-Key": "mine"}
    first = ask(here, "ann", "POST", "/modulation/start", asked, headers=keyed)
    again = ask(here, "ann", "POST", "/modulation/start", asked, headers=keyed)
    assert (first.status_code, first.json()) == (201, again.json())
    assert (first.json()["next"], first.json()["kind"]) == ("preparing", "language")
    assert here.folder(first.json()["run"]).recipe().train.seed == 7
    other = ask(here, "ann", "POST", "/modulation/start", {**asked, "set": []}, headers=keyed)
    assert (other.status_code, other.json()["error"]) == (409, "Conflict")


def test_who_may_not_start_is_refused_and_another_s_template_is_not_there(here, took):
    asked = {"template": here.template}
    assert ask(here, "eve", "POST", "/modulation/start", asked).status_code == 403
    missing = ask(here, "bob", "POST", "/modulation/start", {"template": "t_" + "A" * 26})
    anothers = ask(here, "bob", "POST", "/modulation/start", asked)
    assert [missing.status_code, anothers.status_code] == [404, 404]
    assert ask(here, "bob", "POST", "/modulation/start", {"run": took["run"]}).status_code == 404
    assert ask(here, took["key"], "POST", "/modulation/start", {"run": took["run"]}).status_code == 403
    for nothing in ({}, {"template": here.template, "run": took["run"]}):
        assert ask(here, "ann", "POST", "/modulation/start", nothing).status_code == 422


def test_a_run_that_the_host_trains_is_nobody_elses_to_train(here):
    made = ask(here, "ann", "POST", "/runs", {"recipe": "quickstart"}).json()["id"]
    told = ask(here, "ann", "POST", "/modulation/start", {"run": made})
    assert (told.status_code, "the server's host" in told.json()["detail"]) == (422, True)


def test_only_an_admins_template_may_name_places_on_the_servers_disk(here, tmp_path):
    (tmp_path / "secret.csv").write_text("text,label\na,b\n")
    text = (here.folder(begun(here, here.template)).path / "recipe.yaml").read_text()
    theirs = text.replace("{sample: support_tickets,", f"{{path: {tmp_path}/secret.csv, format: csv,")
    assert theirs != text
    sly, house = template(here, "sly", "ann", theirs), template(here, "house", "root", theirs)
    assert ask(here, "ann", "POST", "/modulation/start", {"template": sly}).status_code == 403
    assert ask(here, "root", "POST", "/modulation/start", {"template": house}).status_code == 201
    moved = {"template": here.template, "set": ["model.source=/etc"]}
    assert ask(here, "ann", "POST", "/modulation/start", moved).status_code == 403


def test_a_trainer_waits_while_the_host_prepares_and_then_gets_a_key_of_its_own(here):
    made = begun(here, here.template)
    assert ask(here, "ann", "POST", "/modulation/start", {"run": made}).json()["next"] == "preparing"
    prepared(here, made)
    keyed = {"Idempotency-Key": "take"}
    first, again = trained(here, made, headers=keyed), trained(here, made, headers=keyed)
    assert [first["attempt"], first["epoch"]] == [again["attempt"], again["epoch"]] == [2, 2]
    assert events(here, first).status_code == events(here, again).status_code == 200
    with here.db.read() as tx:
        kept = json.dumps([row.answer for row in tx.execute(tables.idempotency.select())])
    assert first["key"] not in kept
    assert "ega_" not in kept


def test_a_second_trainer_fences_the_first_out(here, run, took):
    later = trained(here, run)
    assert later["epoch"] == took["epoch"] + 1
    place = {"run": run, "epoch": took["epoch"]}
    for told in (
        events(here, took),
        upload(here, took, "weights.safetensors", weights()),
        ask(here, took["key"], "POST", f"/models/{run}/certify", {"epoch": took["epoch"]}),
        ask(here, took["key"], "POST", "/modulation/next_trial", place),
        ask(here, took["key"], "GET", f"/models/{run}/download"),
        ask(here, "ann", "POST", "/modulation/complete", place),
    ):
        assert (told.status_code, told.json()["error"]) == (409, "StaleEpoch"), told.text
    assert events(here, later).status_code == 200


# --- the attempt -----------------------------------------------------------------------------------------------------


def test_what_is_judged_is_never_a_trainers_to_say(here, took):
    path = f"/runs/{took['run']}/attempts/{took['attempt']}"
    for verb in ("declare", "publish", "judged"):
        said = {"epoch": took["epoch"], **({"stage": "data"} if verb == "judged" else {})}
        assert ask(here, took["key"], "POST", f"{path}/{verb}", said).status_code == 403, verb
    for state in ("published", "refused", "awaiting_review"):
        said = {"epoch": took["epoch"], "state": state}
        assert ask(here, took["key"], "POST", f"{path}/state", said).status_code == 403, state
    assert state_of(here, took["run"]) == "running"


def test_an_attempt_speaks_for_itself_only(here, took):
    for number in (1, took["attempt"] + 1):
        for verb, more in (("state", {"state": "paused"}), ("events", {})):
            path = f"/runs/{took['run']}/attempts/{number}/{verb}"
            told = ask(here, took["key"], "POST", path, {"epoch": took["epoch"], **more})
            assert told.status_code == 422, (number, verb, told.text)
    assert state_of(here, took["run"]) == "running"


def test_a_reason_that_changes_is_kept(here):
    made = begun(here, here.template)
    one, key = host_attempt(here, made)
    for stage, reason in (("data", ""), ("data", "reading"), ("baseline", "measuring")):
        assert tell(here, key, one, made, "running", stage, reason).status_code == 200
        with here.db.read() as tx:
            found = runs.get_run(tx, made)
        assert (found.state, found.stage, found.reason) == ("running", stage, reason)


def test_events_are_stored_once_in_order_and_bring_commands(here, took):
    found = [metric(took, number, step=number + 1, loss=1.0 / (number + 1)) for number in range(5)]
    for piece in (found[:2], found[1:4], found):
        said = events(here, took, *piece)
        assert said.status_code == 200, said.text
    assert said.json()["acked"] == 4
    shown = ask(here, "ann", "GET", f"/runs/{took['run']}/events").json()["items"]
    assert [one["seq"] for one in shown if one["attempt"] == took["attempt"]] == [0, 1, 2, 3, 4]
    assert ask(here, "ann", "POST", "/modulation/stop", {"run": took["run"]}).status_code == 200
    assert [events(here, took).json()["command"] for _ in range(2)] == ["cancel", "cancel"]
    one = attempts.Attempt(took["run"], took["attempt"], took["epoch"], "active", "", "", 0, 0, 0, 0, 1)
    assert tell(here, took["key"], one, took["run"], "cancelled", "train", "Cancelled.").status_code == 200
    assert ask(here, "ann", "POST", "/modulation/start", {"run": took["run"]}).json()["next"] == "ended"
    resumed = ask(here, "ann", "POST", "/modulation/start", {"run": took["run"], "resume": True}).json()
    assert (resumed["next"], resumed["attempt"]) == ("train", took["attempt"] + 1)
    assert events(here, resumed).json()["command"] == "none"


def let_lease_end(here, took, monkeypatch):
    monkeypatch.setattr(here.core, "status", lambda run="": SimpleNamespace(living=[], slots=1))
    with here.db.write() as tx:
        mine = tables.attempts.c.run == took["run"]
        tx.execute(update(tables.attempts).where(mine).values(lease_until=1))
        tx.execute(update(tables.attempts).where(~mine).values(state="ended"))  # what other tests left at work
    Scheduler(here).look_after_the_silent()


def test_a_silent_trainer_is_lost_never_replaced_by_the_host_and_may_come_back(here, took, monkeypatch):
    let_lease_end(here, took, monkeypatch)
    assert state_of(here, took["run"]) == "lost_contact"
    with here.db.read() as tx:
        assert runs.next_lost(tx, 5, attempts.HOST) is None
    assert events(here, took).status_code == 200
    assert state_of(here, took["run"]) == "running"


def test_a_run_whose_trainer_is_silent_can_be_cancelled(here, took, monkeypatch):
    let_lease_end(here, took, monkeypatch)
    ask(here, "ann", "POST", "/modulation/stop", {"run": took["run"]})
    Scheduler(here).look_after_the_silent()
    assert state_of(here, took["run"]) == "cancelled"


# --- the material ----------------------------------------------------------------------------------------------------


def test_a_worker_gets_train_and_valid_and_of_the_test_part_nothing(here, took):
    path = f"/models/{took['run']}/download"
    listed = ask(here, took["key"], "GET", path).json()["files"]
    names = {one["path"] for one in listed}
    assert names == {"recipe.json", "gates.json", "split.json", "report.json", "train.jsonl", "valid.jsonl"}
    sent = {}
    for one in listed:
        answer = ask(here, took["key"], "GET", path, params={"file": one["path"]})
        assert sha256_bytes(answer.content) == one["digest"]
        sent[one["path"]] = answer.text
    folder = here.folder(took["run"]).split_folder(here.home)
    split, _ = load_split(folder)
    tests = [row.text for row in read_part(folder, split.parts["test"])]
    assert len(tests) > 5
    for name, text in sent.items():
        assert not [one for one in tests if json.dumps(one, ensure_ascii=False)[1:-1] in text], name
    assert set(json.loads(sent["split.json"])["parts"]) == {"train", "valid"}
    assert set(json.loads(sent["report.json"])["class_counts"]) <= {"train", "valid"}
    assert split.parts["test"].digest not in "".join(sent.values())


@pytest.mark.parametrize("file", ["test.jsonl", "../test.jsonl", "/etc/passwd", "..%2ftest.jsonl", "run.json", "\0"])
def test_no_other_file_is_sent(here, took, file):
    told = ask(here, took["key"], "GET", f"/models/{took['run']}/download", params={"file": file})
    assert told.status_code == 404


def test_a_transfer_goes_on_in_the_middle(here, took):
    path, query = f"/models/{took['run']}/download", {"file": "train.jsonl"}
    whole = ask(here, took["key"], "GET", path, params=query).content
    part = ask(here, took["key"], "GET", path, params=query, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])


def test_a_template_and_a_run_say_what_they_are(here, took):
    shown = ask(here, "ann", "GET", f"/models/{here.template}").json()
    assert (shown["kind"], shown["task"], shown["source"]) == ("language", "classify", "embedded:minilm")
    assert {"name": "accuracy", "better": "max", "primary": True} in shown["kpis"]
    assert shown["modulation"] == {}
    assert shown["dataset"] == [{"digest": "sha256:" + "d" * 64}]
    assert "name: quickstart" in shown["recipe"]
    of_run = ask(here, took["key"], "GET", f"/models/{took['run']}").json()
    assert (of_run["state"], of_run["template"], of_run["recipe"]) == ("running", here.template, shown["recipe"])
    (file,) = ask(here, "ann", "GET", f"/models/{here.template}/download").json()["files"]
    assert file["digest"] == sha256_bytes(shown["recipe"].encode())
    assert ask(here, took["key"], "GET", f"/models/{here.template}").status_code == 404
    for what in ("artifact",):
        told = ask(here, "ann", "GET", f"/models/{took['run']}/download", params={"what": what})
        assert told.status_code == 404


# --- telemetry -------------------------------------------------------------------------------------------------------


def test_with_nothing_to_search_there_is_one_trial_without_parameters(here, took):
    who = {"run": took["run"], "epoch": took["epoch"]}
    for _ in range(2):
        said = ask(here, took["key"], "POST", "/modulation/next_trial", who).json()
        assert (said["trial"], said["parameters"], said["done"]) == (0, {}, False)
    for trial, status in ((1, 422), (0, 200), (0, 200)):
        body = {**who, "trial": trial, "metrics": {"best_valid_loss": 0.25}}
        assert ask(here, took["key"], "POST", "/modulation/report_trial", body).status_code == status
    said = ask(here, took["key"], "POST", "/modulation/next_trial", who).json()
    assert (said["trial"], said["done"]) == (None, True)
    with here.db.read() as tx:
        (point,) = points.read_points(tx, took["run"], "trial", "best_valid_loss")
    assert point.value == 0.25


def test_reported_numbers_become_curves_and_never_evidence(here, took):
    for path, more in ((f"/models/{took['run']}/metrics", {}), ("/modulation/metrics", {"run": took["run"]})):
        for _ in range(2):
            body = {**more, "epoch": took["epoch"], "step": 3, "metrics": {"accuracy": 1.0}}
            assert ask(here, took["key"], "POST", path, body).status_code == 200
    with here.db.read() as tx:
        assert [point.value for point in points.read_points(tx, took["run"], "reported", "accuracy")] == [1.0]
        assert "evaluate" not in evidence.reports_of(tx, took["run"])
        assert dict(runs.get_run(tx, took["run"]).metrics) == {}
    assert here.folder(took["run"]).report("evaluate") is None
    told = ask(here, took["key"], "POST", f"/models/{took['run']}/metrics",
               content=canonical_json({}) [:-1] + b'"epoch":1,"step":0,"metrics":{"x":NaN}}')  # fmt: skip
    assert told.status_code in (409, 422)


def test_other_peoples_runs_take_nothing(here, took):
    who = {"run": took["run"], "epoch": took["epoch"]}
    for path, body in (
        (f"/models/{took['run']}/certify", {}),
        (f"/models/{took['run']}/certify", {"epoch": took["epoch"]}),
        (f"/models/{took['run']}/metrics", {"epoch": took["epoch"], "step": 1, "metrics": {"a": 1.0}}),
        ("/modulation/metrics", {**who, "step": 1, "metrics": {"a": 1.0}}),
        ("/modulation/next_trial", who),
        ("/modulation/report_trial", {**who, "trial": 0, "metrics": {"a": 1.0}}),
        ("/modulation/stop", {"run": took["run"]}),
        ("/modulation/complete", who),
    ):
        told = ask(here, "bob", "POST", path, body)
        assert told.status_code == 404, (path, told.text)
    assert upload(here, {**took, "key": here.texts["bob"]}, "weights.safetensors", weights()).status_code == 404
    assert state_of(here, took["run"]) == "running"
