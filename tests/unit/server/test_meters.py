"""What Prometheus is told: figures that move with what happens, and labels that nobody can multiply."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from engram.errors import PlatformError, ServerAway
from engram.schema.event import Event
from engram.schema.state import STATES
from engram.security.api_keys import make_api_key
from engram.server import meters
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.server.meters import Meters
from engram.settings import load_settings
from engram.store.ingest import ingest
from engram.store.records import artifacts, attempts, deployments, runs, users


class Core:
    """A core that answers with what it was asked, and refuses what is empty."""

    def predict(self, artifact, inputs, options=None):
        if not inputs:
            raise ServerAway("The core is away.")
        yield from inputs

    def health(self):
        return "here"

    def close(self):
        pass


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    home = tmp_path_factory.mktemp("house")
    with open_platform(load_settings({"ENGRAM_HOME": str(home)}), "http://127.0.0.1:1") as (platform, _):
        said = (("root", "admin"), ("ann", "developer"))
        with platform.db.write() as tx:
            ids = {name: users.create_user(tx, name=name, role=role).id for name, role in said}
        platform.ids = ids
        platform.texts = {
            name: make_api_key(platform.keys, one, "key", ["*"], time.time).text for name, one in ids.items()
        }
        platform.core.close()
        yield platform


@pytest.fixture
def house(opened):
    """A home with an Admin and a Developer, whose meters have counted nothing yet."""
    opened.core, opened.meters = Core(), Meters()
    return opened


@pytest.fixture
def client(house):
    return TestClient(
        create_app(house), base_url="http://127.0.0.1:1", headers={"Authorization": f"Bearer {house.texts['root']}"}
    )


def samples(client):
    """Return what /metrics says: (name, labels) → value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found, name, **labels):
    return found.get((name, tuple(sorted(labels.items()))))


def deploy(house, name):
    with house.db.write() as tx:
        whose = {"owner": house.ids["root"], "kind": "language", "task": "classify"}
        if not artifacts.list_artifacts(tx, artifacts.Ask()).items:
            artifacts.put_artifact(tx, digest="sha256:" + "a" * 64, name="a", run="r_1", bytes=1, **whose)
        deployments.create_deployment(
            tx, name=name, owner=house.ids["root"], artifact="sha256:" + "a" * 64, actor=house.ids["root"]
        )


def test_only_an_admin_or_a_key_with_the_scope_reads_them(client, house):
    assert client.get("/metrics", headers={"Authorization": ""}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": f"Bearer {house.texts['ann']}"}).status_code == 403
    scoped = make_api_key(house.keys, house.ids["root"], "prometheus", ["metrics.prometheus"], time.time).text
    assert client.get("/metrics", headers={"Authorization": f"Bearer {scoped}"}).status_code == 200
    assert client.get("/api/v1/runs", headers={"Authorization": f"Bearer {scoped}"}).status_code == 403


def test_requests_are_counted_and_timed_by_operation(client):
    for path in ("/api/v1/runs", "/api/v1/runs", "/api/v1/runs/r_1", "/api/nowhere", "/api/elsewhere"):
        client.get(path)
    client.request("BREW", "/api/nowhere")
    found = samples(client)
    assert value(found, "engram_requests_total", operation="runs.list", method="GET", status="2xx") == 2
    assert value(found, "engram_requests_total", operation="runs.read", method="GET", status="4xx") == 1
    assert value(found, "engram_requests_total", operation="none", method="GET", status="4xx") == 2
    assert value(found, "engram_requests_total", operation="none", method="other", status="4xx") == 1
    assert value(found, "engram_request_seconds_count", operation="runs.list") == 2


def test_the_state_of_the_house_is_told(client, house):
    with house.db.write() as tx:
        whose = {"recipe": "toy", "owner": house.ids["ann"], "kind": "language", "task": "classify", "body": {}}
        waiting, working = runs.create_run(tx, **whose), runs.create_run(tx, **whose)
        begun = attempts.start_attempt(tx, working.id, runner="local", seconds=60)
        runs.step_run(tx, working.id, "running")
        said = [
            Event(working.id, 1, begun.epoch, seq, "2026-01-01T00:00:00.000000Z", "data", "note", {}) for seq in (0, 1)
        ]
        for _ in range(2):  # a second time adds nothing
            ingest(tx, working.id, 1, begun.epoch, said)
    with house.writing:
        house.ledger.append("run.declared", waiting.id, {})
    found = samples(client)
    assert {state: value(found, "engram_runs", state=state) for state in STATES if state in ("queued", "running")} == {
        "queued": 1,
        "running": 1,
    }
    assert value(found, "engram_runs", state="published") == 0
    assert value(found, "engram_queue_length") == value(found, "engram_attempts_active") == 1
    assert value(found, "engram_events_ingested_total") == 2
    assert value(found, "engram_ledger_entries") == house.ledger.size >= 1
    assert value(found, "engram_database_up") == value(found, "engram_core_up") == 1
    assert value(found, "process_cpu_seconds_total") > 0
    assert value(found, "process_resident_memory_bytes") > 1e6


def test_what_is_down_is_told_as_down(client, house, monkeypatch):
    def away(*_):
        raise ServerAway("away")

    def broken(*_):
        raise PlatformError("broken")

    monkeypatch.setattr(house.core, "health", away)
    monkeypatch.setattr(runs, "count_runs", broken)
    found = samples(client)
    assert value(found, "engram_core_up") == value(found, "engram_database_up") == 0
    assert value(found, "engram_queue_length") is None


def test_predictions_are_counted_by_deployment_with_their_errors(client, house):
    deploy(house, "one")
    for inputs in (["a"], ["a", "b"]):
        assert client.post("/api/v1/deployments/one/predict", json={"inputs": inputs}).status_code == 200

    def away(*_):
        raise ServerAway("away")
        yield

    house.core.predict = away
    assert client.post("/api/v1/deployments/one/predict", json={"inputs": ["a"]}).status_code == 503
    found = samples(client)
    assert value(found, "engram_predictions_total", deployment="one") == 3
    assert value(found, "engram_prediction_inputs_total", deployment="one") == 4
    assert value(found, "engram_prediction_errors_total", deployment="one") == 1
    assert value(found, "engram_prediction_seconds_count", deployment="one") == 3


def test_the_owner_of_a_deployment_sees_its_traffic_and_nobody_elses(client, house):
    deploy(house, "watched")
    nothing = client.get("/api/v1/deployments/watched/traffic").json()
    assert nothing == {"requests": 0, "inputs": 0, "errors": 0, "mean": None, "median": None, "most": None}
    for _ in range(3):
        assert client.post("/api/v1/deployments/watched/predict", json={"inputs": ["a", "b"]}).status_code == 200
    found = client.get("/api/v1/deployments/watched/traffic").json()
    assert (found["requests"], found["inputs"], found["errors"]) == (3, 6, 0)
    assert 0 < found["mean"] <= found["most"]
    assert found["median"] <= found["most"]
    as_ann = {"Authorization": f"Bearer {house.texts['ann']}"}
    assert client.get("/api/v1/deployments/watched/traffic", headers=as_ann).status_code == 404


def test_beyond_a_number_of_deployments_all_others_share_a_label(monkeypatch):
    monkeypatch.setattr(meters, "MOST_DEPLOYMENTS", 2)
    one = Meters()
    for name in ("a", "b", "c", "d", "a"):
        with one.predicting(name, 1):
            pass
    counted = {name: one.registry.get_sample_value("engram_predictions_total", {"deployment": name}) for name in "abcd"}
    assert counted == {"a": 2, "b": 1, "c": None, "d": None}
    assert one.registry.get_sample_value("engram_predictions_total", {"deployment": "other"}) == 2


def test_no_label_holds_a_users_name(client, house):
    client.get("/api/v1/runs", headers={"Authorization": f"Bearer {house.texts['ann']}"})
    text = client.get("/metrics").text
    assert "ann" not in text.replace("channel", "")
    assert house.ids["ann"] not in text


def test_two_servers_of_one_process_count_apart(house, client):
    client.get("/api/v1/runs")
    assert (
        Meters().registry.get_sample_value(
            "engram_requests_total", {"operation": "runs.list", "method": "GET", "status": "2xx"}
        )
        is None
    )
