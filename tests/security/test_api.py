"""The API from outside: every route is in the policy, strangers get nothing, other people's objects do not exist."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.artifacts import make_artifact

from engram.errors import PlatformError, UnknownName
from engram.schema.codec import to_dict
from engram.schema.event import Event
from engram.security.api_keys import make_api_key
from engram.security.operations import OPERATIONS
from engram.security.policy import decide
from engram.security.principal import NOBODY
from engram.security.refresh import begin_family
from engram.server.app import api_routes, create_app
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import artifacts, attempts, deployments, fine_tunings, runs, users

# These name the object in the body, as their clients do.
NAMED_IN_BODY = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
PLACES = {"attempt": 1, "index": 0, "command": "cancel", "stage": "data"}
BODY = {
    "epoch": 1, "stage": "data", "state": "running", "version": 1, "inputs": ["a"], "name": "x", "recipe": "quickstart",
    "text": "x", "old": "x", "new": "y", "password": "x", "refresh_token": "x", "scopes": ["*"], "reason": "r",
    "role": "viewer", "operations": {"runs.list": "own"}, "disabled": True, "title": "t", "value": 1,
    "step": 0, "trial": 0, "metrics": {"loss": 1.0}, "model": "anns", "input": "x", "prompt": "x",
    "priority": 1, "shared": True, "pinned": True, "decision": "approve", "share": 0.1,
    "messages": [{"role": "user", "content": "x"}],
}  # fmt: skip
RUN_A = "r_" + "A" * 26


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """An open home with two Developers and a Viewer, and an application without a core."""
    home = tmp_path_factory.mktemp("house")
    settings = load_settings({"ENGRAM_HOME": str(home)})
    with open_platform(settings, "http://127.0.0.1:1") as (platform, password):
        assert password
        names = {"ann": "developer", "bob": "developer", "eve": "viewer", "root": "admin"}
        with platform.db.write() as tx:
            ids = {name: users.create_user(tx, name=name, role=role).id for name, role in names.items()}
        keys = {name: make_api_key(platform.keys, one, name, ["*"], time.time).text for name, one in ids.items()}
        platform.ids, platform.texts = ids, keys
        yield platform


@pytest.fixture(scope="module")
def app(house):
    return create_app(house)


@pytest.fixture(scope="module")
def client(app):
    return TestClient(app, base_url="http://127.0.0.1:1", raise_server_exceptions=False)


def headers(house, name):
    return {"Authorization": f"Bearer {house.texts[name]}"} if name else {}


@pytest.fixture(scope="module")
def anns(house, client):
    """A run, an artifact, a recipe, a key and a sign-in of Ann's, and Ann herself."""
    made = client.post(
        "/api/v1/runs", json={"recipe": "quickstart"}, headers={**headers(house, "ann"), "Idempotency-Key": "1"}
    )
    assert made.status_code == 201, made.text
    digest = make_artifact(house.home / "artifacts", "one")
    whose = {"owner": house.ids["ann"], "kind": "language", "task": "classify"}
    with house.db.write() as tx:
        artifacts.put_artifact(tx, digest=digest, name="one", run=made.json()["id"], bytes=1, **whose)
    text = client.get("/api/v1/recipes/quickstart", headers=headers(house, "ann")).json()["text"]
    text = text.replace("name: quickstart", "name: anns")
    assert client.post("/api/v1/recipes", json={"text": text}, headers=headers(house, "ann")).status_code == 201
    whole = {"purpose": "dataset", "name": "mails.csv", "size": 23}
    begun = [client.post("/api/v1/uploads", json=whole, headers=headers(house, "ann")) for _ in range(2)]
    assert [one.status_code for one in begun] == [201, 201], begun[0].text
    uploads = [one.json()["id"] for one in begun]
    place = f"/api/v1/uploads/{uploads[0]}"
    piece = {**headers(house, "ann"), "Upload-Offset": "0", "Content-Type": "application/octet-stream"}
    assert client.patch(place, content=b"text,label\nhi,a\nho,b\n\n\n", headers=piece).status_code == 200
    done = client.post(f"{place}/finish", json={}, headers=headers(house, "ann"))
    assert done.status_code == 200, done.text
    asked = {"name": "anns", "kind": "language", "source": "embedded:minilm", "recipe": "quickstart"}
    template = client.post("/api/v1/templates", json=asked, headers=headers(house, "ann"))
    assert template.status_code == 201, template.text
    row = b'{"prompt": "a", "completion": "b"}\n'
    form = {"data": {"purpose": "fine-tune"}, "files": {"file": ("rows.jsonl", row)}}
    sent = client.post("/v1/files", headers=headers(house, "ann"), **form)
    assert sent.status_code == 200, sent.text
    with house.db.write() as tx:
        whose = {"name": "anns", "owner": house.ids["ann"], "artifact": digest, "actor": "test"}
        deployments.create_deployment(tx, **whose)
        found = runs.get_run(tx, made.json()["id"])
        fine_tunings.create_fine_tuning(
            tx, found, base="x", training="", validation="", options={"hyperparameters": {}}, name="ft-x"
        )
    more = {"upload": uploads[1], "dataset": done.json()["dataset"]["id"], "template": template.json()["id"]}
    more |= {"model": "anns", "file": sent.json()["id"], "path": "a", "id": found.id}
    family = begin_family(house.entrance.families, house.ids["ann"], time.time).record.family
    hers = {"user": house.ids["ann"], "family": family, "prefix": "_".join(house.texts["ann"].split("_")[:2])}
    return {"run": found.id, "digest": digest, "name": "anns", **hers, **more}


def routes(app):
    found = api_routes()
    assert len(found) >= 30
    named = {re.sub(r":\w+}", "}", route.path) for route in found if route.include_in_schema}
    assert named == set(app.openapi()["paths"])
    return found


def ask(client, route, values, **more):
    """Ask a route with the values for its path, and a body that it understands where it wants one."""

    def filled(found):
        return "recipe.json" if found[2] else str(values.get(found[1], PLACES.get(found[1], "x")))

    path = re.sub(r"{(\w+)(:\w+)?}", filled, route.path)
    (method,) = route.methods - {"HEAD"}
    body = {**BODY, "artifact": values.get("digest", ""), "training_file": values.get("file", "x")}
    known = {
        name for one in route.dependant.body_params for name in getattr(one.field_info.annotation, "model_fields", {})
    }
    sent = {name: value for name, value in body.items() if name in known}
    options: dict[str, Any] = {"json": sent} if method in ("POST", "PUT", "PATCH") else {}
    if any(one.field_info.annotation is bytes for one in route.dependant.body_params):
        options = {"content": b"x"}
        more["headers"] = {**more.get("headers", {}), "Content-Type": "application/octet-stream"}
    if method == "PATCH":
        more["headers"] = {**more.get("headers", {}), "Upload-Offset": "0"}
    return client.request(method, path, **options, **more)


def test_every_route_names_an_operation_of_the_policy(app):
    names = [route.operation_id for route in routes(app)]
    assert set(names) <= set(OPERATIONS)
    assert len(set(names)) == len(names)


def test_a_route_without_a_row_stops_the_server_at_its_start(house, monkeypatch):
    from engram.server.routes import health

    router = health.Router()
    router.get("/open", operation_id="doors.open")(lambda: None)
    monkeypatch.setattr(health, "router", router)
    with pytest.raises(UnknownName, match=r"doors\.open"):
        create_app(house)


def test_a_route_that_does_not_ask_who_calls_stops_the_server_at_its_start(house, monkeypatch):
    from engram.server.routes import health

    router = health.Router()
    router.get("/open", operation_id="health.live")(lambda: None)
    monkeypatch.setattr(health, "router", router)
    with pytest.raises(PlatformError, match="who calls"):
        create_app(house)


def test_nobody_gets_past_the_public_operations(app, client, anns):
    for route in routes(app):
        answer = ask(client, route, anns)
        if decide(NOBODY, route.operation_id).allowed:
            assert answer.status_code != 403, route.path
        else:
            told = answer.json()["error"] if route.path[:4] != "/v1/" else answer.json()["error"]["code"]
            assert (answer.status_code, told) in ((401, "NotSignedIn"), (401, "invalid_api_key")), route.path
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ["bob", "eve"])
def test_what_is_anns_does_not_exist_for_others(app, client, house, anns, name):
    for route in routes(app):
        if not OPERATIONS[route.operation_id].on_object or not ("{" in route.path or route.path in NAMED_IN_BODY):
            continue
        for method in route.methods - {"HEAD"}:
            answer = ask(client, route, anns, headers=headers(house, name))
            assert answer.status_code in (403, 404), (method, route.path, answer.text)
            if decide_for(house, name, route.operation_id):
                assert answer.status_code == 404, (method, route.path, answer.text)


def decide_for(house, name, operation):
    """Tell whether the role may do this to objects of its own, so that only the owner is what is wrong."""
    from engram.security.principal import Principal

    role = {"bob": "developer", "eve": "viewer"}[name]
    return decide(Principal(house.ids[name], role, scopes=frozenset({"*"})), operation, house.ids[name]).allowed


def test_lists_and_pages_show_others_nothing(client, house, anns):
    nouns = ("runs", "artifacts", "deployments", "keys", "datasets", "uploads", "templates", "sessions")
    for path in (f"/api/v1/{noun}" for noun in nouns):
        items = client.get(path, headers=headers(house, "bob")).json()["items"]
        assert not [one for one in items if house.ids["ann"] in (one.get("owner"), one.get("user"))], path
    assert client.get("/api/v1/runs", headers=headers(house, "root")).json()["items"]


def test_a_missing_object_and_anothers_answer_alike(client, house, anns):
    missing = client.get(f"/api/v1/runs/{RUN_A}", headers=headers(house, "bob")).json()
    anothers = client.get(f"/api/v1/runs/{anns['run']}", headers=headers(house, "bob")).json()
    same = ("type", "title", "status", "error")
    assert [missing[one] for one in same] == [anothers[one] for one in same]
    assert missing["detail"].replace(RUN_A, "") == anothers["detail"].replace(anns["run"], "")


def test_a_viewer_starts_nothing(client, house):
    asked = {**headers(house, "eve"), "Idempotency-Key": "1"}
    assert client.post("/api/v1/runs", json={"recipe": "quickstart"}, headers=asked).status_code == 403


def test_only_an_admin_may_name_places_on_the_disk(client, house, anns):
    text = client.get("/api/v1/recipes/quickstart", headers=headers(house, "ann")).json()["text"]
    text = text.replace("name: quickstart", "name: sly")
    secret = text.replace("{sample: support_tickets,", "{path: /etc/passwd, format: text,")
    assert secret != text
    assert client.post("/api/v1/recipes", json={"text": secret}, headers=headers(house, "ann")).status_code == 403
    asked = {**headers(house, "ann"), "Idempotency-Key": "2"}
    for place in ("/etc", "./etc", "~/etc", "etc"):
        body = {"recipe": "quickstart", "set": [f"model.source={place}"]}
        assert client.post("/api/v1/runs", json=body, headers=asked).status_code == 403, place


def attempt_of(house, run):
    """Begin an attempt of a run and return its number, epoch and headers."""
    with house.db.write() as tx:
        begun = attempts.start_attempt(tx, run, runner="local", seconds=60)
        owner = runs.get_run(tx, run).owner
    key = house.make_key(owner, run, begun.epoch)
    return begun, {"Authorization": f"Bearer {key}"}


def test_an_attempts_key_reaches_its_run_under_its_epoch_and_nothing_else(client, house, anns):
    begun, key = attempt_of(house, anns["run"])
    path = f"/api/v1/runs/{anns['run']}/attempts/{begun.attempt}/events"
    event = Event(anns["run"], begun.attempt, begun.epoch, 0, "2026-01-01T00:00:00.000000Z", "data", "started", {})
    for _ in range(2):
        said = client.post(path, json={"epoch": begun.epoch, "events": [to_dict(event)]}, headers=key)
        assert (said.status_code, said.json()["acked"]) == (200, 0), said.text
    for other in ("/api/v1/runs", f"/api/v1/runs/{anns['run']}", "/api/v1/users/me"):
        assert client.get(other, headers=key).status_code in (403, 404), other
    assert client.post(path.replace(anns["run"], RUN_A), json={"epoch": 1}, headers=key).status_code == 404
    later, new = attempt_of(house, anns["run"])
    stale = client.post(path, json={"epoch": begun.epoch}, headers=key)
    assert (stale.status_code, stale.json()["error"]) == (409, "StaleEpoch")
    wrong = client.post(path, json={"epoch": begun.epoch}, headers=new)
    assert (wrong.status_code, wrong.json()["error"]) == (409, "StaleEpoch")
    assert later.epoch == begun.epoch + 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/recipes/..%2f..%2fetc%2fpasswd",
        "/api/v1/artifacts/..%2f..",
        "/api/v1/artifacts/%00",
        "/assets/..%2fetc%2fpasswd",
    ],
)
def test_paths_lead_nowhere(client, house, path):
    assert client.get(path, headers=headers(house, "root")).status_code in (404, 422)


def test_a_huge_body_and_one_of_unknown_size_are_refused(client, house):
    asked = headers(house, "ann")
    assert client.post("/api/v1/recipes", content=b"x" * (5 * 2**20), headers=asked).status_code == 413
    chunks = client.post("/api/v1/recipes", content=iter([b"x"]), headers=asked)
    assert chunks.status_code == 413


def test_an_error_is_a_problem_document_with_the_requests_id(client, house):
    told = client.post("/api/v1/runs", json={"recipe": 7}, headers={**headers(house, "ann"), "X-Request-ID": "mine-1"})
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers["x-request-id"] == told.json()["instance"] == "mine-1"
    forged = client.get("/api/v1/runs", headers={"X-Request-ID": "a b<script>"})
    assert forged.headers["x-request-id"] != "a b<script>"
