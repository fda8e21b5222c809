"""Signing in through a provider: PKCE, state and nonce once, exact redirect, and only a token that is for us."""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey
from support.fake_provider import CLIENT, SECRET, FakeProvider, fake_provider
from support.security_stores import Clock

from engram.errors import NotSignedIn, UnsafeAddress, UsageError
from engram.security.fetch import Fetcher
from engram.security.oauth import Begun, Identity, Pending, begin, finish
from engram.security.provider import Provider, check_provider, role_of

CALLBACK = "https://engram.example.org/api/v1/oauth/callback"


class MemoryPending:
    def __init__(self) -> None:
        self.waiting: dict[str, Pending] = {}

    def add(self, pending: Pending) -> None:
        self.waiting[pending.state_digest] = pending

    def take(self, state_digest: str) -> Pending | None:
        return self.waiting.pop(state_digest, None)


@dataclasses.dataclass
class Scene:
    fake: FakeProvider
    provider: Provider
    pending: MemoryPending
    clock: Clock
    fetcher: Fetcher

    def begin(self) -> Begun:
        return begin(self.fetcher, self.pending, self.provider, self.clock)

    def finish(self, callback: dict[str, str], browser: str) -> Identity:
        return finish(self.fetcher, self.pending, self.provider, callback, browser, self.clock)

    def sign_in(self, **more: str) -> Identity:
        begun = self.begin()
        return self.finish(self.fake.authorise(begun.url) | more, begun.browser)

    def refuse(self, match: str, **more: str) -> None:
        with pytest.raises(NotSignedIn, match=match):
            self.sign_in(**more)


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = Clock()
    with fake_provider(clock) as fake:
        roles = {"ops": "admin", "staff": "developer"}
        provider = Provider("p", fake.url, CLIENT, SECRET, CALLBACK, roles)
        yield Scene(fake, provider, MemoryPending(), clock, Fetcher(allow_loopback=True))


def test_whoever_the_provider_vouches_for_is_signed_in(scene: Scene):
    who = scene.sign_in()
    assert who == Identity(scene.fake.url, "subject-1", "developer", "ada", "ada@example.org", True)
    assert scene.pending.waiting == {}
    assert scene.fake.requests.count("POST /token") == 1


def test_the_browser_is_sent_with_a_challenge_and_never_with_the_verifier(scene: Scene):
    begun = scene.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    pending = next(iter(scene.pending.waiting.values()))
    assert (
        asked["redirect_uri"] == CALLBACK and asked["response_type"] == "code" and asked["scope"].split()[0] == "openid"
    )
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert len(pending.verifier) >= 43 and pending.verifier not in begun.url
    assert asked["state"] not in repr(scene.pending.waiting) and begun.browser not in begun.url
    other = scene.begin()
    again = {name: values[0] for name, values in parse_qs(urlsplit(other.url).query).items()}
    assert all(again[name] != asked[name] for name in ("state", "nonce", "code_challenge"))
    assert SECRET not in begun.url + repr(scene.provider)


def test_a_state_is_good_once(scene: Scene):
    begun = scene.begin()
    callback = scene.fake.authorise(begun.url)
    scene.finish(callback, begun.browser)
    with pytest.raises(NotSignedIn, match="finished before"):
        scene.finish(scene.fake.authorise(begun.url), begun.browser)


@pytest.mark.parametrize("state", ["", "x", "A" * 43])
def test_an_invented_state_is_refused(scene: Scene, state: str):
    scene.refuse("unknown", state=state)
    assert "POST /token" not in scene.fake.requests


def test_a_state_expires(scene: Scene):
    begun = scene.begin()
    callback = scene.fake.authorise(begun.url)
    scene.clock.pass_(600)
    with pytest.raises(NotSignedIn, match="took too long"):
        scene.finish(callback, begun.browser)
    assert scene.pending.waiting == {}


def test_another_browser_can_not_finish(scene: Scene):
    """Login forgery: the attacker's own callback in the victim's browser."""
    begun = scene.begin()
    for browser in ("", "x", scene.begin().browser):
        callback = scene.fake.authorise(scene.begin().url)
        with pytest.raises(NotSignedIn, match="another browser"):
            scene.finish(callback, browser)
    assert begun.browser


def test_a_code_of_another_sign_in_does_not_fit_the_verifier(scene: Scene):
    mine, theirs = scene.begin(), scene.begin()
    stolen = scene.fake.authorise(theirs.url)["code"]
    with pytest.raises(NotSignedIn, match="does not take the code"):
        scene.finish(scene.fake.authorise(mine.url) | {"code": stolen}, mine.browser)


def test_the_redirect_is_exact_and_never_of_the_request(scene: Scene):
    begun = scene.begin()
    callback = scene.fake.authorise(begun.url)
    scene.provider = dataclasses.replace(scene.provider, redirect_uri=CALLBACK + "/x")
    with pytest.raises(NotSignedIn, match="settings changed"):
        scene.finish(callback, begun.browser)


def test_another_provider_s_answer_is_refused(scene: Scene):
    begun = scene.begin()
    callback = scene.fake.authorise(begun.url)
    scene.provider = dataclasses.replace(scene.provider, name="q")
    with pytest.raises(NotSignedIn, match="unknown"):
        scene.finish(callback, begun.browser)
    scene.provider = dataclasses.replace(scene.provider, name="p")
    scene.refuse("of another provider", iss="https://evil.test")
    scene.sign_in(iss=scene.fake.url)
    scene.fake.metadata["authorization_response_iss_parameter_supported"] = True
    scene.refuse("of another provider")
    scene.sign_in(iss=scene.fake.url)


def test_a_provider_that_refuses_is_an_error_and_spends_the_state(scene: Scene):
    begun = scene.begin()
    state = scene.fake.authorise(begun.url)["state"]
    with pytest.raises(NotSignedIn, match="the provider refused it"):
        scene.finish({"state": state, "error": "access_denied", "error_description": "<b>"}, begun.browser)
    assert scene.pending.waiting == {}
    scene.refuse("no code", code="")
    scene.refuse("no code", code="x" * 5000)


# The ID token


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.test"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": [CLIENT, "other"]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"aud": []}, {"azp": "other"}, {"nonce": "other"}, {"nonce": None}, {"nonce": ""}, {"exp": None},
        {"exp": 1_800_000_000 - 61}, {"exp": "soon"}, {"iat": None}, {"iat": 1_800_000_000 + 61},
        {"iat": 1_800_000_000 - 661}, {"nbf": 1_800_000_000 + 61}, {"sub": None}, {"sub": ""}, {"sub": 7},
        {"sub": "x" * 256}, {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)  # fmt: skip
def test_a_claim_that_does_not_fit_is_refused(scene: Scene, change: dict[str, Any]):
    scene.fake.claims = change
    scene.refuse("ID token does not count")


def test_small_drift_and_forms_that_the_standard_allows_are_fine(scene: Scene):
    scene.fake.claims = {"aud": [CLIENT], "azp": CLIENT, "iat": int(scene.clock()) + 30, "at_hash": None}
    assert scene.sign_in().subject == "subject-1"


def test_another_key_and_another_algorithm_are_refused(scene: Scene):
    stranger = ECKey.generate_key("P-256", auto_kid=True)
    scene.fake.sign_with = stranger
    scene.refuse("ID token does not count")
    scene.fake.header = {"kid": stranger.kid}
    scene.refuse("ID token does not count")
    scene.fake.header = {"kid": stranger.kid, "jwk": stranger.as_dict(private=False)}
    scene.refuse("ID token does not count")
    scene.fake.header = {"alg": "RS256"}
    scene.fake.sign_with = RSAKey.generate_key(2048)
    scene.refuse("ID token does not count")


def unsigned(scene: Scene, alg: str, secret: bytes | None) -> str:
    head, payload, _ = scene.fake.id_token({"client_id": CLIENT, "nonce": NONCE(scene)}).split(".")
    said = json.loads(base64.urlsafe_b64decode(head + "==")) | {"alg": alg}
    head = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    mac = hmac.digest(secret, f"{head}.{payload}".encode(), "sha256") if secret is not None else b""
    return f"{head}.{payload}." + base64.urlsafe_b64encode(mac).decode().rstrip("=")


def NONCE(scene: Scene) -> str:
    return next(iter(scene.pending.waiting.values())).nonce


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_none_and_hmac_are_refused_whatever_the_secret(scene: Scene, alg: str):
    public = scene.fake.key.as_pem(private=False)
    for secret in (None, b"", SECRET.encode(), public):
        begun = scene.begin()
        scene.fake.answer = {"id_token": unsigned(scene, alg, secret)}
        with pytest.raises(NotSignedIn, match="ID token does not count"):
            scene.finish(scene.fake.authorise(begun.url), begun.browser)


def test_a_symmetric_key_among_the_provider_s_keys_counts_for_nothing(scene: Scene):
    k = base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
    scene.fake.keys = [{"kty": "oct", "k": k, "kid": scene.fake.key.kid}]
    scene.refuse("no key for signatures")
    scene.fake.keys = [{**scene.fake.key.as_dict(private=False), "use": "enc"}]
    scene.refuse("no key for signatures")
    scene.fake.keys = []
    scene.refuse("no key for signatures")


def test_a_rotated_key_is_known_at_once(scene: Scene):
    scene.sign_in()
    scene.fake.key = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
    assert scene.sign_in().subject == "subject-1"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", 7, ["x"], "x" * 200_000])
def test_garbage_instead_of_a_token_is_refused(scene: Scene, token: Any):
    scene.fake.answer = {"id_token": token}
    scene.refuse("no ID token|does not count")


def test_an_answer_without_an_id_token_is_refused(scene: Scene):
    scene.fake.answer = {"id_token": None}
    scene.refuse("no ID token")
    scene.fake.answer = {"token_type": "mac"}
    scene.refuse("no ID token")


# Discovery


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"issuer": "https://evil.test"}, "says that it is"),
        ({"issuer": None}, "says that it is"),
        ({"token_endpoint": None}, "does not say its token_endpoint"),
        ({"jwks_uri": 7}, "does not say its jwks_uri"),
        ({"code_challenge_methods_supported": ["plain"]}, "does not do PKCE"),
    ],
)
def test_metadata_that_is_not_this_provider_s_is_refused(scene: Scene, change: dict[str, Any], match: str):
    scene.fake.metadata = change
    with pytest.raises(NotSignedIn, match=match):
        scene.begin()
    assert scene.pending.waiting == {}


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "url", ["http://example.org/x", "https://169.254.169.254/x", "file:///x", "javascript:alert(1)"]
)
def test_metadata_can_not_lead_to_our_own_network(scene: Scene, name: str, url: str):
    scene.fake.metadata = {name: url}
    with pytest.raises(UnsafeAddress):
        scene.begin()


def test_loopback_is_a_provider_only_where_the_setting_says_so(scene: Scene):
    with pytest.raises(UsageError, match="issuer"):
        begin(Fetcher(), scene.pending, scene.provider, scene.clock)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://idp.example.org"}, {"issuer": "https://idp.example.org?x=1"}, {"issuer": "idp.example.org"},
        {"issuer": "https://10.0.0.1"}, {"redirect_uri": "http://engram.example.org/cb"}, {"redirect_uri": "/cb"},
        {"redirect_uri": "https://engram.example.org/cb#x"}, {"redirect_uri": "https://u@engram.example.org/cb"},
        {"redirect_uri": "https://*.example.org/cb"}, {"redirect_uri": "https://engram.example.org:x/cb"},
        {"redirect_uri": "javascript://localhost/cb"}, {"redirect_uri": "https://engram.example.org/\n"},
        {"scopes": ("profile",)}, {"roles": {}},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_can_not_be_safe_are_refused(change: dict[str, Any]):
    good = Provider("p", "https://idp.example.org", CLIENT, SECRET, CALLBACK, {"a": "viewer"})
    check_provider(good)
    check_provider(dataclasses.replace(good, redirect_uri="http://127.0.0.1:8000/cb"))
    check_provider(dataclasses.replace(good, redirect_uri="https://10.0.0.5/cb"))
    with pytest.raises(UsageError):
        check_provider(dataclasses.replace(good, **change))


# Roles


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["staff", "ops"]}, "admin"),
        ({"groups": "staff"}, "developer"),
        ({"groups": ["Ops", "staffs", "admin"]}, None),
        ({"groups": None}, None),
        ({"groups": {"ops": True}}, None),
        ({"groups": [["ops"], 7]}, None),
        ({}, None),
        ({"role": "admin"}, None),
    ],
)
def test_only_the_table_gives_a_role(claims: dict[str, Any], role: str | None):
    table = Provider("p", "https://p", CLIENT, SECRET, CALLBACK, {"ops": "admin", "staff": "developer"})
    assert role_of(table, claims) == role
    assert role_of(dataclasses.replace(table, default_role="viewer"), claims) == (role or "viewer")
    deep = dataclasses.replace(table, role_claim="realm.roles")
    assert role_of(deep, {"realm": {"roles": ["ops"]}}) == "admin"
    assert role_of(deep, {"realm": "roles"}) is None


def test_whoever_has_no_role_here_is_refused(scene: Scene):
    scene.fake.claims = {"groups": ["others"]}
    scene.refuse("gives a role here")
    scene.fake.claims = {"email_verified": "true", "groups": ["ops"], "email": ["x"]}
    who = scene.sign_in()
    assert (who.role, who.email, who.email_verified) == ("admin", "", False)
