"""Access and refresh tokens: only what we signed, for us, now, and once."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import stat
import threading

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey, RSAKey
from support.security_stores import NOON, Clock, MemoryFamilies, make_issuer

from engram.errors import NotSignedIn, VerificationFailed
from engram.security import refresh
from engram.security.signing_keys import load_or_create_signing_keys, rotate_signing_keys
from engram.security.tokens import ACCESS_SECONDS, MAX_CHARACTERS, make_access_token, verify_access_token

GOOD = {
    "iss": "https://engram.test", "aud": "https://engram.test/api", "sub": "u_1", "role": "developer",
    "jti": "j_1", "iat": int(NOON), "nbf": int(NOON), "exp": int(NOON) + 60, "mcp": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    families = MemoryFamilies()
    issuer = make_issuer(tmp_path_factory.mktemp("home") / "keys", Clock(), families)
    return issuer, refresh.begin_family(families, "u_1", Clock()).record.family, families


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def forge(issuer, claims, header=None, key=None):
    head = {"alg": "Ed25519", "typ": "JWT", "kid": issuer.keys.kid} | (header or {})
    return jwt.encode(head, claims, key or issuer.keys.current, algorithms=[head["alg"]])


def refuse(issuer, token):
    with pytest.raises(NotSignedIn, match=r"^The access token does not count\. Sign in again\.$"):
        verify_access_token(issuer, token)


def test_a_good_token_says_who_asks(desk):
    issuer, sid, _ = desk
    token, said = make_access_token(issuer, "u_1", "developer", sid)
    assert verify_access_token(issuer, token) == said
    assert said.expires_at == NOON + ACCESS_SECONDS
    assert said.principal.user == "u_1" and said.principal.role == "developer"
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header == {"typ": "JWT", "alg": "Ed25519", "kid": issuer.keys.kid}
    verify_access_token(issuer, forge(issuer, GOOD | {"sid": sid}))


def test_none_and_hmac_with_the_public_key_are_refused(desk):
    issuer, sid, _ = desk
    payload = b64(json.dumps(GOOD | {"sid": sid}).encode())
    for alg in ("none", "None", "NONE", ""):
        head = b64(json.dumps({"alg": alg, "typ": "JWT", "kid": issuer.keys.kid}).encode())
        for end in ("", ".", ".AA"):
            refuse(issuer, f"{head}.{payload}{end}")
    public = issuer.keys.current.public_key
    forms = [(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)]
    forms.append((Encoding.Raw, PublicFormat.Raw))
    for material in [*(public.public_bytes(*form) for form in forms), issuer.keys.kid.encode(), b""]:
        head = b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": issuer.keys.kid}).encode())
        mac = hmac.digest(material, f"{head}.{payload}".encode(), "sha256")
        refuse(issuer, f"{head}.{payload}.{b64(mac)}")


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_another_key_another_algorithm_and_another_kid_are_refused(desk):
    issuer, sid, _ = desk
    claims, stranger = GOOD | {"sid": sid}, OKPKey.generate_key("Ed25519")
    refuse(issuer, forge(issuer, claims, key=stranger))
    refuse(issuer, forge(issuer, claims, {"kid": str(stranger.thumbprint())}, stranger))
    refuse(issuer, forge(issuer, claims, {"kid": "../../tokens"}))
    refuse(issuer, forge(issuer, claims, {"alg": "RS256"}, RSAKey.generate_key(2048)))
    refuse(issuer, forge(issuer, claims, {"jwk": stranger.as_dict(private=False)}, stranger))
    refuse(issuer, forge(issuer, claims, {"typ": "at+jwt"}))
    refuse(issuer, forge(issuer, claims, {"alg": "EdDSA"}))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.test"},
        {"aud": "https://other.test"},
        {"aud": ["https://engram.test/api", "https://other.test"]},
        {"aud": []},
        {"exp": int(NOON)},
        {"exp": int(NOON) - 1},
        {"exp": "9999999999"},
        {"exp": 1e300},
        {"exp": True},
        {"exp": None},
        {"exp": int(NOON) + ACCESS_SECONDS + 1},
        {"exp": 10**400},
        {"nbf": int(NOON) + 1},
        {"iat": int(NOON) + 1},
        {"sub": ""},
        {"sub": 7},
        {"role": ["admin"]},
        {"mcp": "no"},
        {"mcp": None},
        {"scope": "everything"},
    ],
    ids=str,
)
def test_a_claim_that_is_not_ours_is_refused(desk, change):
    issuer, sid, _ = desk
    refuse(issuer, forge(issuer, GOOD | {"sid": sid} | change))


@pytest.mark.parametrize("name", [*GOOD, "sid"])
def test_a_missing_claim_is_refused(desk, name):
    issuer, sid, _ = desk
    claims = GOOD | {"sid": sid}
    del claims[name]
    refuse(issuer, forge(issuer, claims))


def test_times_are_exact_and_a_clock_that_went_back_opens_nothing(tmp_path):
    families, clock = MemoryFamilies(), Clock()
    issuer = make_issuer(tmp_path / "keys", clock, families)
    sid = refresh.begin_family(families, "u_1", clock).record.family
    token, _ = make_access_token(issuer, "u_1", "viewer", sid)
    clock.pass_(ACCESS_SECONDS - 1)
    verify_access_token(issuer, token)
    clock.pass_(1)
    refuse(issuer, token)
    clock.pass_(-ACCESS_SECONDS - 3600)
    refuse(issuer, token)


def test_a_signed_out_family_takes_its_access_tokens_with_it(tmp_path):
    families, clock = MemoryFamilies(), Clock()
    issuer = make_issuer(tmp_path / "keys", clock, families)
    first, second = (refresh.begin_family(families, "u_1", clock).record.family for _ in range(2))
    one, _ = make_access_token(issuer, "u_1", "viewer", first)
    two, _ = make_access_token(issuer, "u_1", "viewer", second)
    refresh.sign_out(families, first)
    refuse(issuer, one)
    verify_access_token(issuer, two)
    assert refresh.sign_out_everywhere(families, "u_1") == 1
    refuse(issuer, two)
    refuse(issuer, make_access_token(issuer, "u_1", "viewer", "never-begun")[0])


def test_garbage_and_what_is_too_long_are_refused(desk):
    issuer, sid, _ = desk
    token, _ = make_access_token(issuer, "u_1", "viewer", sid)
    for text in ("", ".", "..", "a.b.c", token + ".x", " " + token, token + "\n", token.replace(".", "%2e"), "é.é.é"):
        refuse(issuer, text)
    refuse(issuer, token + "A" * MAX_CHARACTERS)
    refuse(issuer, "A" * 10_000_000)
    refuse(issuer, forge(issuer, GOOD | {"sid": sid, "role": "x" * MAX_CHARACTERS}))
    deep = b64(b'{"alg":"Ed25519","typ":' + b"[" * 300 + b"}")
    refuse(issuer, f"{deep}.{deep}.{deep}")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mangled_token_counts(desk, data):
    issuer, sid, _ = desk
    token = forge(issuer, GOOD | {"sid": sid})
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 4)))
    inside = st.text("ABCabc019-_.=+/ \n\x00é", max_size=4)
    changed = token[:start] + data.draw(inside) + token[end:]
    if changed != token:
        refuse(issuer, changed)


INVENTED = st.text(max_size=200) | st.lists(st.binary(max_size=60), min_size=1, max_size=5).map(
    lambda parts: ".".join(map(b64, parts))
)


@settings(max_examples=200, deadline=None)
@given(INVENTED)
def test_no_invented_token_counts(desk, text):
    refuse(desk[0], text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit"]), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_header_and_no_claims_of_any_shape_count(desk, data):
    """Each of the three parts is good but one, which is any JSON."""
    issuer, sid, _ = desk
    head, payload, signature = forge(issuer, GOOD | {"sid": sid}).split(".")
    any_json = b64(json.dumps(data.draw(JSON)).encode())
    refuse(issuer, f"{any_json}.{payload}.{signature}")
    refuse(issuer, f"{head}.{any_json}.{signature}")
    good = {"alg": "Ed25519", "typ": "JWT", "kid": issuer.keys.kid}
    odd = b64(json.dumps(good | {data.draw(st.sampled_from([*good, "b64", "crit", "x"])): data.draw(JSON)}).encode())
    if odd != head:
        refuse(issuer, f"{odd}.{payload}.{signature}")


# The keys that sign


def test_a_rotated_key_verifies_until_its_tokens_have_expired(tmp_path):
    families, clock = MemoryFamilies(), Clock()
    issuer = make_issuer(tmp_path / "keys", clock, families)
    sid = refresh.begin_family(families, "u_1", clock).record.family
    old, _ = make_access_token(issuer, "u_1", "viewer", sid)
    keys = rotate_signing_keys(tmp_path / "keys", clock, token_seconds=ACCESS_SECONDS)
    rotated = dataclasses.replace(issuer, keys=load_or_create_signing_keys(tmp_path / "keys"))
    assert rotated.keys.kid == keys.kid != issuer.keys.kid
    verify_access_token(rotated, old)
    verify_access_token(rotated, make_access_token(rotated, "u_1", "viewer", sid)[0])
    refuse(issuer, make_access_token(rotated, "u_1", "viewer", sid)[0])
    assert issuer.keys.kid in rotated.keys.retired
    assert "d" not in rotated.keys.retired[issuer.keys.kid].public.as_dict()
    clock.pass_(ACCESS_SECONDS)
    refuse(rotated, old)
    assert rotated.keys.find(issuer.keys.kid, int(clock())) is None
    rotate_signing_keys(tmp_path / "keys", clock, token_seconds=ACCESS_SECONDS)
    assert set(load_or_create_signing_keys(tmp_path / "keys").retired) == {keys.kid}


def test_the_file_of_keys_is_its_owner_s_only_and_whole(tmp_path):
    made = load_or_create_signing_keys(tmp_path / "keys")
    path = tmp_path / "keys" / "tokens.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_or_create_signing_keys(tmp_path / "keys").kid == made.kid
    assert made.current.as_dict(private=True)["d"] not in repr(made)
    path.chmod(0o644)
    with pytest.raises(VerificationFailed, match="others can read"):
        load_or_create_signing_keys(tmp_path / "keys")
    path.chmod(0o600)
    content = path.read_bytes()
    public_only = json.loads(content)
    del public_only["current"]["d"]
    private_retired = json.loads(content)
    private_retired["retired"] = [{"key": private_retired["current"], "until": 1}]
    for bad in (b"", b"[]", content[:-9], json.dumps(public_only).encode(), json.dumps(private_retired).encode()):
        path.write_bytes(bad)
        with pytest.raises(VerificationFailed, match="does not hold the keys"):
            load_or_create_signing_keys(tmp_path / "keys")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VerificationFailed, match="is a link"):
        load_or_create_signing_keys(tmp_path / "keys")


# Refresh tokens


def test_each_use_rotates_and_an_old_one_ends_the_family():
    families, clock = MemoryFamilies(), Clock()
    first = refresh.begin_family(families, "u_1", clock)
    second = refresh.rotate(families, first.token, clock)
    third = refresh.rotate(families, second.token, clock)
    assert len({first.token, second.token, third.token}) == 3
    assert first.record.family == third.record.family and not families.is_revoked(first.record.family)
    with pytest.raises(refresh.FamilyRevoked) as caught:
        refresh.rotate(families, first.token, clock)
    assert (caught.value.user, caught.value.family) == ("u_1", first.record.family)
    assert families.is_revoked(first.record.family)
    with pytest.raises(NotSignedIn) as caught_later:
        refresh.rotate(families, third.token, clock)
    assert caught_later.type is NotSignedIn, "a signed-out token is no second theft"


def test_an_old_one_ends_the_family_even_when_it_has_expired_meanwhile():
    families, clock = MemoryFamilies(), Clock()
    first = refresh.begin_family(families, "u_1", clock)
    clock.pass_(refresh.IDLE_SECONDS - 1)
    second = refresh.rotate(families, first.token, clock)
    clock.pass_(2)
    with pytest.raises(refresh.FamilyRevoked):
        refresh.rotate(families, first.token, clock)
    with pytest.raises(NotSignedIn):
        refresh.rotate(families, second.token, clock)


def test_two_requests_at_once_with_one_token_end_the_family():
    families, clock = MemoryFamilies(), Clock()
    first = refresh.begin_family(families, "u_1", clock)
    gate, found = threading.Barrier(2), []
    real = families.find

    def find_together(digest):
        record = real(digest)
        gate.wait(10)
        return record

    families.find = find_together

    def use():
        try:
            found.append(refresh.rotate(families, first.token, clock))
        except refresh.FamilyRevoked as error:
            found.append(error)

    threads = [threading.Thread(target=use) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join(20) for thread in threads]
    assert sorted(isinstance(each, refresh.FamilyRevoked) for each in found) == [False, True]
    assert families.is_revoked(first.record.family)


def test_refresh_tokens_expire_and_a_family_does_not_live_for_ever():
    families, clock = MemoryFamilies(), Clock()
    token = refresh.begin_family(families, "u_1", clock).token
    for _ in range(refresh.FAMILY_SECONDS // (refresh.IDLE_SECONDS - 1)):
        clock.pass_(refresh.IDLE_SECONDS - 1)
        token = refresh.rotate(families, token, clock).token
    clock.pass_(refresh.IDLE_SECONDS - 1)
    with pytest.raises(NotSignedIn):
        refresh.rotate(families, token, clock)
    idle = refresh.begin_family(families, "u_1", clock).token
    clock.pass_(refresh.IDLE_SECONDS)
    with pytest.raises(NotSignedIn):
        refresh.rotate(families, idle, clock)


def test_only_the_digest_is_stored():
    families, clock = MemoryFamilies(), Clock()
    made = refresh.begin_family(families, "u_1", clock)
    assert made.record.digest == hashlib.sha256(made.token.encode()).hexdigest()
    assert made.token[4:] not in repr(families.records)


@given(st.text(max_size=80))
def test_no_invented_refresh_token_counts(text):
    families, clock = MemoryFamilies(), Clock()
    made = refresh.begin_family(families, "u_1", clock)
    for token in (text, "egr_" + text, made.token + text if text else "", made.record.digest):
        with pytest.raises(NotSignedIn):
            refresh.rotate(families, token, clock)
    refresh.rotate(families, made.token, clock)
