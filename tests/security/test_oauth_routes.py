"""Signing in through a provider by the real routes: from the first redirect to the cookies, and every lie between."""

from __future__ import annotations

import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.fake_provider import CLIENT, SECRET, fake_provider
from support.people import URL, people

from engram.security.fetch import Fetcher
from engram.server.cookies import ACCESS, PROVIDER, REFRESH
from engram.server.pending import PendingInMemory
from engram.store.records import users

CALLBACK = f"{URL}/api/v1/oauth/company/callback"
ROLES = {"ops": "admin", "staff": "developer", "guests": "viewer"}


@contextmanager
def opened(tmp_path, monkeypatch, **more):
    with people(tmp_path) as house, fake_provider(time.time) as provider:
        house.platform.fetcher = Fetcher(allow_loopback=True)
        monkeypatch.setenv("ENGRAM_OAUTH_COMPANY_SECRET", SECRET)
        said = {"issuer": provider.url, "client_id": CLIENT, "redirect_uri": CALLBACK, "roles": ROLES} | more
        told = house.call("root", "PUT", "/settings/oauth.providers", {"value": {"company": said}})
        assert told.status_code == 200, told.text
        house.client.cookies.clear()
        yield house, provider


@pytest.fixture
def flow(tmp_path, monkeypatch):
    """A house with one provider."""
    with opened(tmp_path, monkeypatch) as both:
        yield both


def begin(house):
    """Begin a sign-in and return where the browser is sent."""
    away = house.client.get("/api/v1/oauth/company/start")
    assert away.status_code == 303, away.text
    return away


def come_back(house, query):
    """Come back from the provider with a query."""
    return house.client.get(f"/api/v1/oauth/company/callback?{urlencode(query)}")


def whole(house, provider):
    return come_back(house, provider.authorise(begin(house).headers["location"]))


def refused(answer):
    assert answer.status_code == 401, answer.text
    assert ACCESS not in answer.headers.get("set-cookie", "")
    return answer.json()


def who(house):
    return house.client.get("/api/v1/users/me").json()


def test_the_browser_is_sent_away_with_pkce_state_and_nonce_and_a_cookie(flow):
    house, provider = flow
    (listed,) = house.client.get("/api/v1/oauth/providers").json()["items"]
    assert listed == {"name": "company", "start": "/api/v1/oauth/company/start"}
    away = begin(house)
    url = urlsplit(away.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert away.headers["location"].startswith(f"{provider.url}/authorise?")
    assert (asked["redirect_uri"], asked["code_challenge_method"]) == (CALLBACK, "S256")
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    cookie = away.headers["set-cookie"].lower()
    assert cookie.startswith(PROVIDER) and "httponly" in cookie and "samesite=lax" in cookie and "max-age=600" in cookie
    assert SECRET not in away.headers["location"] and SECRET not in str(house.call("root", "GET", "/settings").json())


def test_she_comes_in_with_cookies_and_is_the_same_user_the_next_time(flow):
    house, provider = flow
    back = whole(house, provider)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert {ACCESS, REFRESH} <= {value.split("=")[0] for value in back.headers.get_list("set-cookie")}
    first = who(house)
    assert (first["role"], first["name"], first["must_change_password"]) == ("developer", "ada", False)
    provider.claims = {"preferred_username": "ada.lovelace", "groups": ["guests"]}
    house.client.cookies.clear()
    whole(house, provider)
    again = who(house)
    assert (again["user"], again["role"]) == (first["user"], "viewer")
    line = house.lines(operation="oauth.callback")[0]
    assert (line["outcome"], line["actor"]) == ("allowed", first["user"])


def test_a_name_that_somebody_has_already_makes_nobody_that_user(flow):
    house, provider = flow
    provider.claims = {"preferred_username": "ROOT", "email": "root@example.org"}
    whole(house, provider)
    found = who(house)
    assert found["user"] != house.ids["root"] and found["name"] == "root@company" and found["role"] == "developer"


def test_a_user_whom_an_admin_added_for_the_provider_comes_in(flow):
    house, provider = flow
    body = {"name": "adele", "role": "viewer", "provider": provider.url, "subject": "subject-1"}
    made = house.call("root", "POST", "/users", body)
    assert made.status_code == 201 and "password" not in made.json()
    whole(house, provider)
    assert who(house)["user"] == made.json()["id"]
    assert house.sign_in("adele", "").status_code == 401
    assert house.call("root", "POST", f"/users/{made.json()['id']}/password").status_code == 409


def test_a_state_is_good_once_and_only_in_the_browser_that_began(flow):
    house, provider = flow
    query = provider.authorise(begin(house).headers["location"])
    refused(come_back(house, query | {"state": "A" * 43}))
    refused(come_back(house, {"code": query["code"]}))
    held = dict(house.client.cookies)
    house.client.cookies.clear()
    refused(come_back(house, query))  # another browser; and the state is used up by the try
    house.client.cookies.update(held)
    refused(come_back(house, query))
    house.client.cookies.clear()
    good = provider.authorise(begin(house).headers["location"])
    assert come_back(house, good).status_code == 303
    refused(come_back(house, good))


def test_a_code_is_good_once(flow):
    house, provider = flow
    used = provider.authorise(begin(house).headers["location"])
    assert come_back(house, used).status_code == 303
    provider.codes["one that nobody uses"] = {}  # so that no number comes twice
    fresh = provider.authorise(begin(house).headers["location"])
    refused(come_back(house, fresh | {"code": used["code"]}))


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"groups": ["strangers"]},
    ],
)
def test_an_id_token_that_does_not_count_lets_nobody_in(flow, claims):
    house, provider = flow
    provider.claims = claims
    told = refused(whole(house, provider))
    assert "nonce" not in told["detail"]
    with house.platform.db.read() as tx:
        assert users.find_external(tx, provider.url, "subject-1") is None
    assert house.lines(operation="oauth.callback")[0]["outcome"] == "refused"


def test_who_is_disabled_here_stays_out_whatever_the_provider_says(flow):
    house, provider = flow
    whole(house, provider)
    ada = who(house)["user"]
    house.call("root", "PUT", f"/users/{ada}/disabled", {"disabled": True})
    house.client.cookies.clear()
    refused(whole(house, provider))


def test_the_provider_s_refusal_and_a_nonsense_callback_are_refusals(flow):
    house, provider = flow
    query = provider.authorise(begin(house).headers["location"])
    refused(come_back(house, {"error": "access_denied", "state": query["state"]}))
    for nonsense in ("", "code=x", "state=x&state=y", "code=" + "x" * 5000):
        refused(house.client.get(f"/api/v1/oauth/company/callback?{nonsense}"))


@pytest.mark.parametrize("name", ["other", "..%2fcompany", "COMPANY"])
def test_a_provider_that_the_settings_do_not_name_is_none(flow, name):
    house, _ = flow
    for path in ("start", "callback"):
        assert house.client.get(f"/api/v1/oauth/{name}/{path}").status_code in (404, 422)


def test_the_last_admin_stays_one_whatever_the_provider_says(flow):
    house, provider = flow
    provider.claims = {"groups": ["ops"]}
    whole(house, provider)
    ada = who(house)["user"]
    with house.platform.db.write() as tx:
        for one in (house.ids["root"], users.find_user(tx, "admin").id):
            users.change_user(tx, one, role="viewer")
    provider.claims = {"groups": ["guests"]}
    whole(house, provider)
    assert (who(house)["user"], who(house)["role"]) == (ada, "admin")


def test_a_secret_comes_from_a_private_file_or_not_at_all(flow, monkeypatch):
    house, provider = flow
    monkeypatch.delenv("ENGRAM_OAUTH_COMPANY_SECRET")
    told = house.client.get("/api/v1/oauth/company/start")
    assert told.status_code == 500 and "ENGRAM_OAUTH_COMPANY_SECRET" in told.json()["remedy"]
    path = house.platform.home / "keys" / "oauth-company.secret"
    path.write_text(SECRET)
    path.chmod(0o644)
    told = house.client.get("/api/v1/oauth/company/start")
    assert told.status_code == 400 and "0600" in told.json()["detail"]
    path.chmod(0o600)
    assert whole(house, provider).status_code == 303


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"redirect_uri": "http://evil.example/cb"}, "redirect_uri"),
        ({"redirect_uri": None}, "needs texts"),
        ({"client_secret": "here"}, "client_secret"),
        ({"issuer": "http://login.example.org"}, "issuer"),
        ({"issuer": "https://10.0.0.1"}, "issuer"),
        ({"roles": {}}, "role"),
        ({"roles": {"ops": "King George"}}, "role"),
        ({"scopes": ["profile"]}, "openid"),
    ],
)
def test_a_provider_that_could_not_be_safe_is_no_setting(flow, change, said):
    house, provider = flow
    one = {"issuer": provider.url, "client_id": CLIENT, "redirect_uri": CALLBACK, "roles": ROLES} | change
    told = house.call("root", "PUT", "/settings/oauth.providers", {"value": {"company": one}})
    assert told.status_code == 422 and said in told.json()["detail"], told.text


def test_a_server_asks_no_provider_of_its_own_machine_unless_it_may(flow):
    house, _ = flow
    house.platform.fetcher = Fetcher()
    assert house.client.get("/api/v1/oauth/company/start").status_code == 422


def test_sign_ins_that_never_come_back_are_bounded(flow):
    house, _ = flow
    house.platform.pending = PendingInMemory(most=2)
    begun = [parse_qs(urlsplit(begin(house).headers["location"]).query)["state"][0] for _ in range(3)]
    assert len(set(begun)) == 3 and len(house.platform.pending._waiting) == 2
