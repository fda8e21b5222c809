"""What a browser brings along: cookies, the site that sent it, the name by which it called, and what it may frame."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from support.people import PASSWORD, URL, people

from engram.server.app import create_app
from engram.server.cookies import ACCESS, REFRESH, same_place

SITE = {"Origin": URL}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with people(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def browser(house):
    """A client that holds the cookies of a sign-in of Ann's."""
    house.client.cookies.clear()
    house.forget_tries()
    made = house.client.post("/api/v1/sessions", json={"name": "ann", "password": PASSWORD, "cookie": True})
    assert made.status_code == 201, made.text
    yield house.client, made
    house.client.cookies.clear()


def cookies_of(answer):
    found = SimpleCookie()
    for value in answer.headers.get_list("set-cookie"):
        found.load(value)
    return found


def test_a_browser_s_tokens_are_in_cookies_that_no_script_reads_and_nowhere_else(browser):
    _, made = browser
    assert set(made.json()) == {"token_type", "expires_at", "must_change_password"}
    found = cookies_of(made)
    assert set(found) == {ACCESS, REFRESH}
    for cookie in found.values():
        assert cookie["httponly"] and cookie["samesite"] == "strict" and not cookie["domain"]
    assert (found[ACCESS]["path"], found[REFRESH]["path"]) == ("/", "/api/v1/sessions")
    assert made.headers["cache-control"] == "no-store"


def test_cookies_are_secure_where_the_server_is_reached_by_tls(house, monkeypatch):
    monkeypatch.setattr(house.platform, "base_url", "https://127.0.0.1:3000")
    house.client.cookies.clear()
    made = house.client.post("/api/v1/sessions", json={"name": "bob", "password": PASSWORD, "cookie": True})
    assert all(cookie["secure"] for cookie in cookies_of(made).values())


def test_a_cookie_lets_in_what_changes_nothing(browser):
    client, _ = browser
    assert client.get("/api/v1/runs").status_code == 200
    assert client.get("/api/v1/users/me").json()["role"] == "developer"


FOREIGN = [
    None,
    "null",
    "http://evil.example",
    "http://127.0.0.1:3001",
    "http://127.0.0.1",
    "http://127.0.0.1:3000.evil.example",
    "http://[::1",
    "file://127.0.0.1:3000",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_what_another_site_sends_with_the_cookie_changes_nothing(house, browser, origin):
    client, _ = browser
    before = client.get("/api/v1/runs").json()["items"]
    sent = {} if origin is None else {"Origin": origin}
    for method, path, body in (
        ("POST", "/api/v1/runs", {"recipe": "quickstart"}),
        ("POST", "/api/v1/sessions/refresh", {}),
        ("DELETE", "/api/v1/sessions/mine", None),
        ("PATCH", f"/api/v1/users/{house.ids['ann']}", {"title": "x"}),
    ):
        told = client.request(method, path, json=body, headers=sent)
        assert (told.status_code, told.json()["error"]) == (403, "Forbidden"), (method, path, told.text)
    assert client.get("/api/v1/runs").json()["items"] == before


def test_the_server_s_own_page_may_change_things(house, browser):
    client, _ = browser
    made = client.post("/api/v1/runs", json={"recipe": "quickstart"}, headers=SITE)
    assert made.status_code == 201, made.text
    line = house.lines(operation="runs.create")[0]
    assert (line["actor"], line["via"], line["outcome"]) == (house.ids["ann"], "cookie", "allowed")
    client.post(f"/api/v1/runs/{made.json()['id']}/cancel", headers=SITE)


def test_another_site_can_not_sign_a_browser_in(house):
    told = house.client.post(
        "/api/v1/sessions",
        json={"name": "ann", "password": PASSWORD, "cookie": True},
        headers={"Origin": "http://evil.example"},
    )
    assert told.status_code == 403 and "set-cookie" not in told.headers


def test_refresh_rotates_the_cookies_and_the_old_one_ends_all(browser):
    client, made = browser
    old = cookies_of(made)[REFRESH].value
    renewed = client.post("/api/v1/sessions/refresh", json={}, headers=SITE)
    assert renewed.status_code == 201 and cookies_of(renewed)[REFRESH].value != old
    assert client.get("/api/v1/runs").status_code == 200
    client.cookies.set(REFRESH, old, domain="127.0.0.1", path="/api/v1/sessions")
    for cookie in list(client.cookies.jar):
        if cookie.name == REFRESH and cookie.value != old:
            client.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
    assert client.post("/api/v1/sessions/refresh", json={}, headers=SITE).status_code == 401
    assert client.get("/api/v1/runs").status_code == 401


def test_an_old_access_cookie_never_stands_in_the_way_of_a_new_one(browser):
    client, _ = browser
    client.cookies.set(ACCESS, "stale", domain="127.0.0.1", path="/")
    for cookie in list(client.cookies.jar):
        if cookie.name == ACCESS and cookie.value != "stale":
            client.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
    assert client.get("/api/v1/runs").status_code == 401
    assert client.post("/api/v1/sessions/refresh", json={}, headers=SITE).status_code == 201


def test_signing_out_takes_the_cookies_back_and_kills_the_tokens(browser):
    client, made = browser
    access = cookies_of(made)[ACCESS].value
    gone = client.delete("/api/v1/sessions/mine", headers=SITE)
    assert gone.status_code == 204
    assert {name: morsel["max-age"] for name, morsel in cookies_of(gone).items()} == {ACCESS: "0", REFRESH: "0"}
    client.cookies.set(ACCESS, access, domain="127.0.0.1", path="/")
    assert client.get("/api/v1/runs").status_code == 401


def test_a_bearer_token_needs_no_origin_and_wins_over_a_cookie(house, browser):
    client, _ = browser
    hers = {"Authorization": f"Bearer {house.token('bob')}"}
    assert client.get("/api/v1/users/me", headers=hers).json()["user"] == house.ids["bob"]
    wrong = {"Authorization": "Bearer nonsense"}
    assert client.get("/api/v1/users/me", headers=wrong).status_code == 401


@pytest.mark.parametrize(
    ("origin", "scheme", "host", "same"),
    [
        ("https://engram.example", "https", "engram.example", True),
        ("https://engram.example:443", "https", "engram.example", True),
        ("https://ENGRAM.example", "https", "engram.example", True),
        ("http://engram.example", "https", "engram.example", False),
        ("https://engram.example@evil.example", "https", "engram.example", False),
        ("https://engram.example", "https", "", False),
        ("", "http", "", False),
        ("http://a:x", "http", "a:x", False),
    ],
)
def test_an_origin_is_the_host_or_it_is_not(origin, scheme, host, same):
    assert same_place(origin, scheme, host) is same


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1", "0.0.0.0", "testserver", "a@b"],
)
def test_a_server_answers_to_its_own_names_only(house, host):
    told = house.client.get("/healthz", headers={"Host": host})
    assert told.status_code == 421, told.text
    assert "server.hosts" in told.json()["remedy"]
    assert told.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1", "[::1]:3000", "LOCALHOST"])
def test_the_names_of_this_machine_are_its_own(house, host):
    assert house.client.get("/healthz", headers={"Host": host}).status_code == 200


def test_an_admin_adds_a_name(house):
    named = {"Host": "engram.example.org:3000"}
    assert house.client.get("/healthz", headers=named).status_code == 421
    told = house.call("root", "PUT", "/settings/server.hosts", {"value": ["engram.example.org"]})
    assert told.status_code == 200, told.text
    assert house.client.get("/healthz", headers=named).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/runs?access_token={token}",
        "/api/v1/runs?limit=5&x={token}",
        "/api/v1/runs?API-KEY=x",
        "/api/v1/keys/{key}",
        "/api/v1/runs?after={refresh}",
        "/healthz?token=x",
    ],
)
def test_a_credential_in_an_address_is_refused_whatever_else_is_right(house, address):
    house.forget_tries()
    signed = house.client.post("/api/v1/sessions", json={"name": "eve", "password": PASSWORD}).json()
    secrets = {"token": signed["access_token"], "refresh": signed["refresh_token"]}
    path = address.format(**secrets, key="egk_0123456789ab_" + "x" * 43)
    told = house.client.get(path, headers={"Authorization": f"Bearer {signed['access_token']}"})
    assert told.status_code == 400, told.text
    assert not any(secret in told.text for secret in secrets.values())


def test_the_prefix_of_a_key_may_stand_in_an_address(house):
    assert house.call("root", "DELETE", "/keys/egk_0123456789ab").status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/runs", "/nowhere", "/api/v1/openapi.json"])
def test_every_answer_forbids_framing_foreign_code_and_guessing(house, path):
    said = house.client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in said["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy  # the default's: nothing inline, nothing evaluated
    assert (said["x-frame-options"], said["x-content-type-options"]) == ("DENY", "nosniff")
    assert said["referrer-policy"] == "no-referrer"


def test_html_in_a_name_comes_back_as_data_never_as_a_page(house):
    name = "<img src=x onerror=alert(1)>"
    made = house.call("root", "POST", "/users", {"name": name, "role": "viewer", "title": name})
    assert made.status_code == 201
    shown = house.call("root", "GET", f"/users/{made.json()['id']}")
    assert shown.headers["content-type"] == "application/json" and shown.json()["title"] == name
    hostile = house.client.get(f"/api/v1/recipes/{name}", headers={"Authorization": f"Bearer {house.token('root')}"})
    assert hostile.headers["content-type"] == "application/problem+json"


def test_an_application_has_no_page_that_runs_foreign_scripts(house):
    app = create_app(house.platform)
    assert app.docs_url is None and app.redoc_url is None
