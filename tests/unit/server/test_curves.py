"""The curves of a run by REST: what events carried, thinned out by the server, which says so."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient

from engram.schema.event import Event
from engram.security.api_keys import make_api_key
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.server.routes import monitoring
from engram.settings import load_settings
from engram.store.ingest import ingest
from engram.store.records import attempts, runs, users


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A home with one run of Ann's: its training told 1,000 losses with one spike, its evaluation three figures."""
    home = tmp_path_factory.mktemp("house")
    with open_platform(load_settings({"ENGRAM_HOME": str(home)}), "http://127.0.0.1:1") as (platform, _):
        with platform.db.write() as tx:
            ids = {name: users.create_user(tx, name=name, role="developer").id for name in ("ann", "bob")}
            run = runs.create_run(tx, recipe="toy", owner=ids["ann"], kind="language", task="classify", body={}).id
            begun = attempts.start_attempt(tx, run, runner="local", seconds=60)
            losses = [9.0 if step == 500 else 1 / (1 + step) for step in range(1000)]
            told = [("train", step, {"loss": loss, "lr": 0.1}) for step, loss in enumerate(losses)]
            told += [("evaluate", step, {"f1": step / 10}) for step in range(3)]
            said = [
                Event(run, 1, begun.epoch, seq, "2026-01-01T00:00:00.000000Z", stage, "metric", {"step": step, **body})
                for seq, (stage, step, body) in enumerate(told)
            ]
            ingest(tx, run, 1, begun.epoch, said)
        keys = {name: make_api_key(platform.keys, one, name, ["*"], time.time).text for name, one in ids.items()}
        client = TestClient(
            create_app(platform), base_url="http://127.0.0.1:1", headers={"Authorization": f"Bearer {keys['ann']}"}
        )
        client.run, client.keys, client.platform = run, keys, platform
        yield client


def curves(client, **query):
    answer = client.get(f"/api/v1/runs/{client.run}/metrics", params=query)
    assert answer.status_code == 200, answer.text
    return {(one["stage"], one["name"]): one for one in answer.json()["series"]}


def test_every_curve_is_there_with_its_count_and_steps(house):
    found = curves(house, max_points=1000)
    assert set(found) == {("train", "loss"), ("train", "lr"), ("evaluate", "f1")}
    loss = found["train", "loss"]
    assert (loss["count"], loss["first"], loss["last"], loss["joined"]) == (1000, 0, 999, False)
    assert loss["points"][1]["mean"] == loss["points"][1]["min"] == loss["points"][1]["max"] == 0.5
    assert [one["mean"] for one in found["evaluate", "f1"]["points"]] == [0.0, 0.1, 0.2]


def test_a_long_curve_is_joined_and_says_so_and_its_spike_stays(house):
    (loss,) = curves(house, name="loss", max_points=10).values()
    assert (loss["count"], loss["joined"], len(loss["points"])) == (1000, True, 10)
    assert max(one["max"] for one in loss["points"]) == 9.0
    third = loss["points"][3]
    values = [1 / (1 + step) for step in range(300, 400)]
    assert third["step"] == 399
    assert (third["min"], third["max"]) == (min(values), max(values))
    assert third["mean"] == pytest.approx(sum(values) / 100)


def test_curves_are_chosen_by_name_and_stage(house):
    assert set(curves(house, stage="train")) == {("train", "loss"), ("train", "lr")}
    assert set(curves(house, stage="evaluate", name="f1")) == {("evaluate", "f1")}
    assert curves(house, stage="evaluate", name="loss") == {}


@pytest.mark.parametrize("most", [0, 5001, "x"])
def test_a_number_of_points_that_is_none_is_refused(house, most):
    assert house.get(f"/api/v1/runs/{house.run}/metrics", params={"max_points": most}).status_code == 422


def test_other_peoples_curves_do_not_exist(house):
    answer = house.get(f"/api/v1/runs/{house.run}/metrics", headers={"Authorization": f"Bearer {house.keys['bob']}"})
    missing = house.get("/api/v1/runs/r_1/metrics")
    assert answer.status_code == missing.status_code == 404


def test_an_answer_is_bounded_however_many_curves_there_are(house, monkeypatch):
    monkeypatch.setattr(monitoring, "MOST_SERIES", 2)
    monkeypatch.setattr(monitoring, "MOST_IN_ALL", 100)
    answer = house.get(f"/api/v1/runs/{house.run}/metrics", params={"stage": "train", "max_points": 500}).json()
    assert [len(one["points"]) for one in answer["series"]] == [50, 50]
    assert answer["more"] is False
    assert house.get(f"/api/v1/runs/{house.run}/metrics").json()["more"] is True
