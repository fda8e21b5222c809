"""API keys: random, shown once, stored as a digest, bounded by scopes, time and the owner's present role."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.security_stores import NOON, Clock, MemoryApiKeys

from engram.errors import NotSignedIn, UsageError
from engram.security import api_keys
from engram.security.api_keys import digest_of, make_api_key, make_attempt_key, principal_of, verify_api_key
from engram.security.policy import decide
from engram.security.principal import Attempt


@pytest.fixture
def shelf():
    return MemoryApiKeys(), Clock()


def refuse(keys, text, clock):
    with pytest.raises(NotSignedIn, match=r"^The API key does not count\."):
        verify_api_key(keys, text, clock)


def test_a_key_is_256_random_bits_behind_a_prefix_and_stored_as_a_digest(shelf):
    keys, clock = shelf
    made = [make_api_key(keys, "u_1", "ci", ["runs.list"], clock) for _ in range(50)]
    assert len({each.text for each in made}) == len({each.key.prefix for each in made}) == 50
    for each in made:
        secret = each.text.removeprefix(each.key.prefix + "_")
        assert each.text.startswith("egk_") and len(secret) * 6 >= 256
        assert secret not in repr(keys.keys) and secret not in repr(each)
        assert each.key.digest == digest_of(each.text) and len(each.key.digest) == 64
        assert verify_api_key(keys, each.text, clock) == each.key


def test_a_revoked_key_is_dead_at_once(shelf):
    keys, clock = shelf
    made = make_api_key(keys, "u_1", "ci", ["runs.list"], clock)
    verify_api_key(keys, made.text, clock)
    keys.revoke(made.key.prefix, int(clock()))
    refuse(keys, made.text, clock)


def test_an_expired_key_is_dead_on_the_second(shelf):
    keys, clock = shelf
    made = make_api_key(keys, "u_1", "ci", ["runs.list"], clock, expires_at=int(NOON) + 60)
    clock.pass_(59)
    verify_api_key(keys, made.text, clock)
    clock.pass_(1)
    refuse(keys, made.text, clock)


def test_the_right_prefix_with_another_secret_is_refused(shelf):
    keys, clock = shelf
    one, two = (make_api_key(keys, "u_1", name, ["runs.list"], clock) for name in "ab")
    refuse(keys, f"{one.key.prefix}_{two.text.split('_', 2)[2]}", clock)
    refuse(keys, one.text.replace("egk_", "ega_"), clock)
    refuse(keys, one.key.digest, clock)
    refuse(keys, f"{one.key.prefix}_{one.key.digest[:43]}", clock)


@given(st.data())
def test_no_changed_key_counts(data):
    keys, clock = MemoryApiKeys(), Clock()
    text = make_api_key(keys, "u_1", "ci", ["runs.list"], clock).text
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.text(max_size=2)) + text[at + 1 :]
    if changed != text:
        refuse(keys, changed, clock)


def test_digests_are_compared_in_constant_time_even_for_a_prefix_that_is_not_there(shelf, monkeypatch):
    keys, clock = shelf
    compared, real = [], hmac.compare_digest

    def compare(one, two):
        compared.append((len(one), len(two)))
        return real(one, two)

    monkeypatch.setattr(api_keys.hmac, "compare_digest", compare)
    made = make_api_key(keys, "u_1", "ci", ["runs.list"], clock)
    verify_api_key(keys, made.text, clock)
    refuse(keys, "egk_000000000000_" + "A" * 43, clock)
    refuse(keys, "nonsense", clock)
    assert compared == [(64, 64)] * 3


def test_a_key_asks_with_its_owner_s_present_role(shelf):
    keys, clock = shelf
    key = make_api_key(keys, "u_1", "ci", ["*"], clock).key
    assert decide(principal_of(key, "admin"), "settings.write").allowed
    assert not decide(principal_of(key, "viewer"), "settings.write").allowed
    assert not decide(principal_of(key, ""), "runs.list").allowed


def test_an_attempt_s_key_reaches_its_run_and_epoch_only(shelf):
    keys, clock = shelf
    made = make_attempt_key(keys, "u_1", "r_1", 2, clock)
    assert made.text.startswith("ega_")
    who = principal_of(verify_api_key(keys, made.text, clock), "admin")
    assert who.attempt == Attempt("r_1", 2) and who.user == ""
    assert decide(who, "attempts.events", "u_1", run="r_1", epoch=2).allowed
    assert decide(who, "attempts.events", "u_1", run="r_1", epoch=3).reason == "epoch"
    assert decide(who, "attempts.events", "u_1", run="r_2", epoch=2).hidden
    assert not decide(who, "runs.read", "u_1", run="r_1", epoch=2).allowed
    assert not decide(who, "settings.write").allowed


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at"),
    [("", ["*"], None), ("a\nb", ["*"], None), ("x" * 101, ["*"], None), ("a", [], None), ("a", ["*"], int(NOON))],
)
def test_a_key_that_makes_no_sense_is_not_made(shelf, name, scopes, expires_at):
    keys, clock = shelf
    with pytest.raises(UsageError):
        make_api_key(keys, "u_1", name, scopes, clock, expires_at=expires_at)
    assert keys.keys == {}
