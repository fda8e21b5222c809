"""What is sent twice is made once: fifty at the same time under one key, and another body under it."""

from __future__ import annotations

import threading

import pytest
from fastapi.testclient import TestClient
from support.household import House, open_house

PARALLEL = 50


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_house(tmp_path_factory.mktemp("house")) as one:
        yield one


def at_once(house: House, path: str, body: dict, key: str) -> list[tuple[int, dict]]:
    """Send one request many times, from as many threads, all of them let go together."""
    start, told = threading.Barrier(PARALLEL), []
    headers = {"Authorization": f"Bearer {house.keys['ann']}", "Idempotency-Key": key}

    def ask() -> None:
        client = TestClient(house.client.app, raise_server_exceptions=False)
        start.wait()
        answer = client.post(f"/api/v1{path}", json=body, headers=headers)
        told.append((answer.status_code, answer.json()))

    threads = [threading.Thread(target=ask) for _ in range(PARALLEL)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return told


def test_fifty_at_once_under_one_key_make_one_run(house: House):
    told = at_once(house, "/runs", {"recipe": "quickstart"}, "fifty")
    assert {status for status, _ in told} == {201}
    assert len({body["id"] for _, body in told}) == 1
    assert len(house.ask("ann", "GET", "/runs").json()["items"]) == 1
    assert len(list((house.here.home / "runs").glob("r_*"))) == 1
    other = house.ask("ann", "POST", "/runs", {"recipe": "quickstart", "priority": 1}, Idempotency_Key="fifty")
    assert (other.status_code, other.json()["error"]) == (409, "Conflict")


def test_the_same_key_of_another_person_is_another_request(house: House):
    first = house.ask("ann", "POST", "/runs", {"recipe": "quickstart"}, Idempotency_Key="mine")
    second = house.ask("bob", "POST", "/runs", {"recipe": "quickstart"}, Idempotency_Key="mine")
    assert first.json()["id"] != second.json()["id"]


def test_a_recipe_is_saved_once_under_one_key(house: House):
    text = house.ask("ann", "GET", "/recipes/quickstart").json()["text"].replace("name: quickstart", "name: twice")
    saved = [house.ask("ann", "POST", "/recipes", {"text": text}, Idempotency_Key="r").json() for _ in range(2)]
    assert saved[0] == saved[1]
    other = house.ask("ann", "POST", "/recipes", {"text": text + "\n"}, Idempotency_Key="r")
    assert other.status_code == 409


def test_a_key_is_made_once_and_shown_once_and_its_text_is_kept_nowhere(house: House):
    from engram.security.login import sign_in
    from engram.store.records import users

    with house.here.db.write() as tx:
        hashed = house.here.entrance.passwords.hash("a long enough one 7")
        users.change_user(tx, house.ids["ann"], password_hash=hashed)
    token = sign_in(house.here.entrance, "ann", "a long enough one 7", "127.0.0.1").access_token
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "key"}
    body = {"name": "mine", "scopes": ["runs.list"]}
    first, again = (house.client.post("/api/v1/keys", json=body, headers=headers).json() for _ in range(2))
    assert first["key"].startswith(first["prefix"])
    assert (again["key"], again["prefix"]) == (None, first["prefix"])
    secret = first["key"].split("_", 2)[2].encode()
    for path in house.here.home.glob("engram.db*"):
        assert secret not in path.read_bytes()
