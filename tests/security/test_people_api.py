"""Who manages people, and that nobody reaches farther than that: users, roles, sign-ins and keys by the API."""

from __future__ import annotations

import time

import pytest
from support.people import PASSWORD, people

from engram.security.operations import IN_PERSON, OPERATIONS
from engram.security.policy import decide
from engram.security.principal import Principal
from engram.server.kept import SECONDS, Kept
from engram.store.records import users


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with people(tmp_path_factory.mktemp("people")) as one:
        yield one


def make(house, name, role="developer"):
    made = house.call("root", "POST", "/users", {"name": name, "role": role})
    assert made.status_code == 201, made.text
    return made.json()


# Users


def test_a_new_user_gets_a_password_once_and_can_do_nothing_before_it_is_changed(house):
    made = make(house, "  Nora ")
    assert (made["name"], made["role"], made["version"]) == ("nora", "developer", 1)
    assert "password" not in house.call("root", "GET", f"/users/{made['id']}").json()
    signed = house.sign_in("NORA", made["password"]).json()
    assert signed["must_change_password"]
    hers = {"Authorization": f"Bearer {signed['access_token']}"}
    assert house.client.get("/api/v1/runs", headers=hers).status_code == 403
    new = {"old": made["password"], "new": PASSWORD}
    assert house.client.post("/api/v1/users/me/password", json=new, headers=hers).status_code == 204
    assert house.client.get("/api/v1/users/me", headers=hers).status_code == 401
    assert house.call("nora", "GET", "/runs").status_code == 200
    assert house.call("nora", "GET", "/users/me").json()["name"] == "nora"


def test_a_name_is_taken_once_however_it_is_spelt(house):
    make(house, "Otto")
    again = house.call("root", "POST", "/users", {"name": "\uff2f\uff34\uff34\uff2f", "role": "viewer"})
    assert (again.status_code, again.json()["error"]) == (409, "Conflict")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "role": "king"},
        {"name": " ", "role": "viewer"},
        {"name": "house", "role": "viewer"},
        {"name": "a\nb", "role": "viewer"},
        {"name": "x", "role": "anonymous"},
        {"name": "x", "role": "viewer", "provider": "https://p"},
        {"name": "x", "role": "viewer", "password": "mine"},
    ],
)
def test_what_is_no_user_is_refused_in_words(house, body):
    told = house.call("root", "POST", "/users", body)
    assert told.status_code == 422 and told.json()["detail"], told.text


def test_users_are_listed_by_role_and_the_beginning_of_a_name(house):
    found = house.call("root", "GET", "/users?role=viewer&name=EV").json()["items"]
    assert [one["name"] for one in found] == ["eve"]
    page = house.call("root", "GET", "/users?limit=2").json()
    rest = house.call("root", "GET", f"/users?limit=2&after={page['next']}").json()
    assert not {one["id"] for one in page["items"]} & {one["id"] for one in rest["items"]}


def test_a_change_made_from_an_old_version_is_refused(house):
    made = make(house, "Vera")
    path, tag = f"/users/{made['id']}", house.call("root", "GET", f"/users/{made['id']}").headers["etag"]
    assert tag == '"1"'
    first = house.call("root", "PATCH", path, {"title": "Vera V."}, If_Match=tag)
    assert (first.status_code, first.headers["etag"], first.json()["title"]) == (200, '"2"', "Vera V.")
    late = house.call("root", "PATCH", path, {"title": "x"}, If_Match=tag)
    assert (late.status_code, late.json()["error"]) == (412, "Changed")
    assert house.call("root", "PATCH", path, {"email": "v@example.org"}).json()["title"] == "Vera V."
    assert house.call("root", "PATCH", path, {"title": "x"}, If_Match="nonsense").status_code == 412


def test_a_reset_ends_every_sign_in_and_key_and_gives_a_password_once(house):
    house.add("rita", "developer")
    rita = house.call("rita", "GET", "/users/me").json()["user"]
    key = house.call("rita", "POST", "/keys", {"name": "k", "scopes": ["runs.list"]}).json()["key"]
    by_key = {"Authorization": f"Bearer {key}"}
    assert house.client.get("/api/v1/runs", headers=by_key).status_code == 200
    told = house.call("root", "POST", f"/users/{rita}/password")
    assert house.call("rita", "GET", "/runs").status_code == 401
    assert house.client.get("/api/v1/runs", headers=by_key).status_code == 401
    assert house.sign_in("rita").status_code == 401
    assert house.sign_in("rita", told.json()["password"]).json()["must_change_password"]


def test_who_is_disabled_is_out_at_once_and_old_sign_ins_stay_dead(house):
    house.add("dora", "developer")
    dora = house.call("dora", "GET", "/users/me").json()["user"]
    key = house.call("dora", "POST", "/keys", {"name": "k", "scopes": ["*"]}).json()["key"]
    assert house.call("root", "PUT", f"/users/{dora}/disabled", {"disabled": True}).json()["disabled"]
    assert house.call("dora", "GET", "/runs").status_code == 401
    assert house.client.get("/api/v1/runs", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert house.sign_in("dora").status_code == 401
    assert house.call("root", "PUT", f"/users/{dora}/disabled", {"disabled": False}).json()["disabled"] is None
    assert house.call("dora", "GET", "/runs").status_code == 401
    house.forget("dora")
    assert house.call("dora", "GET", "/runs").status_code == 200


def test_a_deleted_user_leaves_her_objects_and_a_tombstone_without_her_name(house):
    house.add("gone", "developer", email="gone@example.org")
    gone = house.call("gone", "GET", "/users/me").json()["user"]
    run = house.call("gone", "POST", "/runs", {"recipe": "quickstart"}).json()["id"]
    assert house.call("root", "DELETE", f"/users/{gone}").status_code == 204
    assert house.call("gone", "GET", "/runs").status_code == 401
    assert house.call("root", "GET", f"/runs/{run}").json()["owner"] == gone
    assert house.call("root", "DELETE", f"/users/{gone}").status_code == 404
    assert house.call("root", "PUT", f"/users/{gone}/disabled", {"disabled": False}).status_code == 409
    (entry,) = house.platform.ledger.find("user.deleted", gone)
    assert (dict(entry.body), entry.actor) == ({}, house.ids["root"])
    shown = house.call("root", "GET", f"/users/{gone}").text
    assert "gone@example.org" not in shown and '"deleted u_' in shown


def test_the_last_admin_who_can_come_in_stays_one(tmp_path):
    with people(tmp_path) as house:
        with house.platform.db.write() as tx:
            others = [one for one in (users.find_user(tx, "admin"),) if one]
        root = house.ids["root"]
        for one in others:
            assert house.call("root", "PUT", f"/users/{one.id}/disabled", {"disabled": True}).status_code == 200
        for asked in (
            ("PUT", f"/users/{root}/disabled", {"disabled": True}),
            ("PUT", f"/users/{root}/role", {"role": "developer"}),
            ("DELETE", f"/users/{root}", None),
        ):
            told = house.call("root", *asked)
            assert (told.status_code, told.json()["error"]) == (409, "Conflict"), asked
            assert "last Admin" in told.json()["detail"]
        ann = house.ids["ann"]
        assert house.call("root", "PUT", f"/users/{ann}/role", {"role": "admin"}).status_code == 200
        assert house.call("root", "PUT", f"/users/{root}/role", {"role": "viewer"}).status_code == 200


# Roles


def test_every_operation_of_every_role_is_in_the_matrix_as_it_is_decided(house):
    said = house.call("eve", "GET", "/policy").json()
    assert {one["name"] for one in said["operations"]} == set(OPERATIONS)
    for row in said["operations"]:
        for role in ("admin", "developer", "viewer"):
            mine = decide(Principal("u_1", role), row["name"], "u_1").allowed
            assert mine == (row["reach"][role] != "none"), (row["name"], role)
        assert row["in_person"] == (row["name"] in IN_PERSON)


def test_a_custom_role_counts_at_the_next_request_and_so_does_its_end(house):
    asked = {"name": "reviewer", "operations": {"runs.list": "any", "runs.read": "any", "audit.list": "any"}}
    assert house.call("root", "POST", "/roles", asked).status_code == 201
    house.add("rex", "viewer")
    rex = house.call("rex", "GET", "/users/me").json()["user"]
    run = house.call("ann", "POST", "/runs", {"recipe": "quickstart"}).json()["id"]
    assert house.call("rex", "GET", f"/runs/{run}").status_code == 404
    assert house.call("root", "PUT", f"/users/{rex}/role", {"role": "reviewer"}).status_code == 200
    assert house.call("rex", "GET", f"/runs/{run}").status_code == 200
    assert run in [one["id"] for one in house.call("rex", "GET", "/runs").json()["items"]]
    assert house.call("rex", "GET", "/audit").status_code == 200
    assert house.call("rex", "GET", "/settings").status_code == 403
    assert house.call("rex", "POST", f"/runs/{run}/cancel").status_code == 403
    mine = house.call("rex", "GET", "/users/me").json()
    assert {"runs.list", "audit.list"} < set(mine["operations"]) and "settings.read" not in mine["operations"]
    told = house.call("root", "DELETE", "/roles/reviewer")
    assert (told.status_code, told.json()["error"]) == (409, "Conflict")
    less = {"operations": {"runs.list": "own"}}
    assert house.call("root", "PUT", "/roles/reviewer", less, If_Match='"1"').headers["etag"] == '"2"'
    assert house.call("rex", "GET", "/audit").status_code == 403
    assert house.call("rex", "GET", "/runs").json()["items"] == []
    assert house.call("root", "PUT", "/roles/reviewer", less, If_Match='"1"').status_code == 412
    house.call("root", "PUT", f"/users/{rex}/role", {"role": "viewer"})
    assert house.call("root", "DELETE", "/roles/reviewer").status_code == 204
    assert house.call("root", "GET", "/roles/reviewer").status_code == 404


@pytest.mark.parametrize("name", ["admin", "viewer", "anonymous", "service", "Big", "a b", "", "x" * 65])
def test_a_role_shadows_no_other_and_is_a_plain_word(house, name):
    told = house.call("root", "POST", "/roles", {"name": name, "operations": {"runs.list": "own"}})
    assert told.status_code == 422, told.text


@pytest.mark.parametrize("operations", [{"runs.lst": "own"}, {"runs.list": "all"}, {}, {"core.launch": "any"}])
def test_a_role_holds_operations_of_the_policy_that_its_maker_has(house, operations):
    told = house.call("root", "POST", "/roles", {"name": "odd", "operations": operations})
    assert told.status_code in (403, 422), told.text
    assert house.call("root", "GET", "/roles/odd").status_code == 404


def test_nobody_hands_on_more_than_she_has(house):
    helper = {"name": "helper", "operations": dict.fromkeys(("users.create", "users.list", "users.read"), "any")}
    helper["operations"] |= dict.fromkeys(("users.assign_role", "users.reset_password", "users.disable"), "any")
    helper["operations"] |= {"roles.create": "any", "users.delete": "any"}
    assert house.call("root", "POST", "/roles", helper).status_code == 201
    house.add("hal", "helper")
    assert house.call("hal", "POST", "/users", {"name": "big", "role": "admin"}).status_code == 403
    assert house.call("hal", "POST", "/users", {"name": "small", "role": "helper"}).status_code == 201
    root = house.ids["root"]
    for asked in (
        ("PUT", f"/users/{root}/role", {"role": "helper"}),
        ("POST", f"/users/{root}/password", None),
        ("PUT", f"/users/{root}/disabled", {"disabled": True}),
        ("DELETE", f"/users/{root}", None),
        ("POST", "/roles", {"name": "boss", "operations": {"settings.write": "any"}}),
    ):
        assert house.call("hal", *asked).status_code == 403, asked


def test_a_key_never_does_what_a_person_must_do_herself(house):
    key = house.call("root", "POST", "/keys", {"name": "all", "scopes": ["*"]}).json()["key"]
    asked = {"Authorization": f"Bearer {key}"}
    for method, path, body in (
        ("POST", "/api/v1/users", {"name": "byk", "role": "viewer"}),
        ("PUT", f"/api/v1/users/{house.ids['ann']}/role", {"role": "admin"}),
        ("POST", f"/api/v1/users/{house.ids['ann']}/password", None),
        ("POST", "/api/v1/roles", {"name": "byk", "operations": {"runs.list": "own"}}),
        ("POST", "/api/v1/keys", {"name": "another", "scopes": ["*"]}),
    ):
        told = house.client.request(method, path, json=body, headers=asked)
        assert told.status_code == 403 and "in person" in told.json()["detail"], path


def test_the_scopes_of_a_key_may_name_what_a_custom_role_gives(house):
    house.call("root", "POST", "/roles", {"name": "auditor", "operations": {"audit.list": "any", "keys.create": "own"}})
    house.add("aud", "auditor")
    made = house.call("aud", "POST", "/keys", {"name": "k", "scopes": ["audit.list"]})
    assert made.status_code == 201, made.text
    asked = {"Authorization": f"Bearer {made.json()['key']}"}
    assert house.client.get("/api/v1/audit", headers=asked).status_code == 200
    assert house.call("aud", "POST", "/keys", {"name": "k", "scopes": ["runs.list"]}).status_code == 403


def test_what_is_kept_is_read_again_after_a_second_and_at_once_when_it_changed():
    clock, reads = [0.0], []
    kept = Kept(lambda: reads.append(1) or len(reads), clock=lambda: clock[0])
    assert (kept.get(), kept.get()) == (1, 1)
    clock[0] += SECONDS
    assert kept.get() == 2
    kept.forget()
    assert kept.get() == 3


def test_a_value_that_changes_while_it_is_read_is_not_kept():
    kept = Kept(lambda: values.pop(0)() or len(values), clock=time.monotonic)
    values = [lambda: kept.forget(), lambda: None, lambda: None]
    assert (kept.get(), kept.get(), kept.get()) == (2, 1, 1)


# Sign-ins


def test_sign_ins_are_listed_with_where_and_when_and_the_present_one_is_marked(house):
    house.add("lena", "developer")
    phone = house.client.post(
        "/api/v1/sessions", json={"name": "lena", "password": PASSWORD}, headers={"User-Agent": "phone\x7f/1"}
    ).json()
    lena = house.call("lena", "GET", "/users/me").json()["user"]
    items = house.call("lena", "GET", "/sessions").json()["items"]
    assert [one["present"] for one in items] == [True, False]
    assert [one["user_agent"] for one in items] == ["testclient", "phone\\x7f/1"]
    assert {one["user"] for one in items} == {lena}
    renewed = house.client.post("/api/v1/sessions/refresh", json={"refresh_token": phone["refresh_token"]}).json()
    again = house.call("lena", "GET", "/sessions").json()["items"]
    assert {one["id"] for one in again} == {one["id"] for one in items}
    assert again[0]["id"] == items[1]["id"] and again[0]["refreshed"] > again[0]["created"]
    theirs = house.call("root", "GET", f"/sessions?user={lena}").json()["items"]
    assert {one["id"] for one in theirs} == {one["id"] for one in items}
    assert house.call("bob", "GET", f"/sessions?user={lena}").json()["items"] == []
    assert house.call("bob", "DELETE", f"/sessions/{items[1]['id']}").status_code == 404
    assert house.call("lena", "DELETE", f"/sessions/{items[1]['id']}").status_code == 204
    on_phone = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert house.client.get("/api/v1/runs", headers=on_phone).status_code == 401
    assert house.call("lena", "GET", "/runs").status_code == 200
    assert house.call("bob", "DELETE", f"/sessions?user={lena}").status_code == 404
    assert house.call("root", "DELETE", f"/sessions?user={lena}").json() == {"ended": 1}
    assert house.call("lena", "GET", "/runs").status_code == 401


def test_an_old_refresh_token_ends_the_sign_in_and_the_audit_says_so(house):
    house.add("rolf", "developer")
    first = house.sign_in("rolf").json()
    second = house.client.post("/api/v1/sessions/refresh", json={"refresh_token": first["refresh_token"]}).json()
    stolen = house.client.post("/api/v1/sessions/refresh", json={"refresh_token": first["refresh_token"]})
    assert stolen.status_code == 401
    hers = {"Authorization": f"Bearer {second['access_token']}"}
    assert house.client.get("/api/v1/runs", headers=hers).status_code == 401
    (line,) = house.lines(operation="sessions.refresh")
    assert line["outcome"] == "refused" and "old refresh token" in line["reason"]
