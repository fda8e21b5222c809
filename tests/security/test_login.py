"""Signing in: no default password, the same work and words for everybody, tries bounded, all of it in the audit."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pwdlib.hashers.argon2 import Argon2Hasher
from support.security_stores import CountingHasher, MemoryUsers, make_desk

from engram.errors import NotSignedIn, Throttled, UsageError, WeakPassword
from engram.security import login
from engram.security.entrance import fold_name
from engram.security.password_change import change_password, make_first_admin
from engram.security.passwords import Passwords, check_password, hash_of_nobody, make_password
from engram.security.policy import decide
from engram.security.refresh import FamilyRevoked, digest_of
from engram.security.tokens import verify_access_token

PASSWORD = "correct horse battery"
HOME, OTHER = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def desk(tmp_path):
    return make_desk(tmp_path)


def refuse(desk, name, password, address=HOME, error=NotSignedIn):
    with pytest.raises(error) as caught:
        login.sign_in(desk.entrance, name, password, address, request="q_1")
    return caught.value


def test_the_right_password_gives_both_tokens(desk):
    user = desk.add("ada", PASSWORD)
    made = login.sign_in(desk.entrance, "ada", PASSWORD, HOME, request="q_1")
    said = verify_access_token(desk.entrance.tokens, made.access_token)
    assert (said.user, said.role, said.must_change_password) == (user.id, "developer", False)
    assert desk.families.find(digest_of(made.refresh_token))
    entry = desk.audit[-1]
    assert (entry.user, entry.operation, entry.result, entry.request) == (user.id, "sessions.sign_in", "allowed", "q_1")
    assert made.access_token not in repr(made) and made.refresh_token not in repr(made)
    assert asyncio.run(login.sign_in_async(desk.entrance, "ada", PASSWORD, HOME)).access.user == user.id


def test_every_spelling_of_a_name_is_one_name(desk):
    desk.add("ada", PASSWORD)
    for name in ("ADA", " ada ", "\uff41da", "Ada\t"):
        assert login.sign_in(desk.entrance, name, PASSWORD, HOME).access.user == "u_ada"


def test_wrong_unknown_and_disabled_answer_in_the_same_words_with_the_same_work(desk):
    desk.add("ada", PASSWORD)
    desk.add("bob", PASSWORD, disabled=True)
    desk.add("oidc", PASSWORD)
    desk.users.users["u_oidc"] = dataclasses.replace(desk.users.users["u_oidc"], password_hash=None)
    said, work = set(), []
    for name, password in (("ada", "wrong"), ("nobody", PASSWORD), ("bob", PASSWORD), ("oidc", PASSWORD), ("", "")):
        desk.hasher.compared.clear()
        said.add(str(refuse(desk, name, password)))
        work.append([stored.split("$")[1:4] for stored in desk.hasher.compared])
    assert said == {"Name or password is wrong. Try again, or ask an Admin to reset the password."}
    assert all(each == work[0] and len(each) == 1 for each in work), work
    assert [entry.reason for entry in desk.audit] == [
        "wrong password", "unknown name", "disabled", "wrong password", "unknown name",
    ]  # fmt: skip
    assert "nobody" not in repr(desk.audit)


def test_a_name_is_locked_after_too_many_tries_and_opens_again(desk):
    desk.add("ada", PASSWORD)
    for number in range(10):
        refuse(desk, "ada", "wrong", f"198.51.100.{number}")
    desk.hasher.compared.clear()
    locked = refuse(desk, " ADA", PASSWORD, "192.0.2.1", Throttled)
    assert 0 < locked.retry_after <= 15 * 60
    assert desk.hasher.compared == [], "a locked name costs no argon2"
    assert str(refuse(desk, "ada", "wrong", "192.0.2.1", Throttled)) == str(locked)
    assert desk.audit[-1].reason == "too many tries of this name"
    desk.clock.pass_(locked.retry_after)
    login.sign_in(desk.entrance, "ada", PASSWORD, "192.0.2.1")


def test_unknown_names_are_locked_just_the_same(desk):
    desk.add("ada", PASSWORD)
    answers = []
    for name in ("ada", "nobody"):
        for number in range(10):
            refuse(desk, name, "wrong", f"198.51.100.{number}")
        answers.append(str(refuse(desk, name, "wrong", "192.0.2.1", Throttled)))
    assert answers[0] == answers[1]


def test_spraying_one_password_over_many_names_is_stopped(desk):
    for number in range(30):
        desk.add(f"user{number}", PASSWORD)
    for number in range(20):
        refuse(desk, f"user{number}", "Spring2026!!x")
    assert refuse(desk, "user25", "Spring2026!!x", error=Throttled).retry_after == 15 * 60
    refuse(desk, "user25", "Spring2026!!x", OTHER)
    assert desk.audit[-2].reason == "too many tries of this address"


def test_an_account_of_one_s_own_does_not_reset_the_address(desk):
    desk.add("mallory", PASSWORD)
    for number in range(10):
        login.sign_in(desk.entrance, "mallory", PASSWORD, HOME)
        refuse(desk, f"user{number}", "wrong")
    refuse(desk, "mallory", PASSWORD, error=Throttled)


def test_an_address_also_has_a_day_s_limit(desk):
    for _ in range(10):
        for number in range(20):
            refuse(desk, f"user{number}", "wrong")
        desk.clock.pass_(15 * 60)
    assert refuse(desk, "ada", "wrong", error=Throttled).retry_after > 15 * 60


def test_a_good_sign_in_gives_the_name_its_tries_back(desk):
    desk.add("ada", PASSWORD)
    for round_ in range(3):
        for number in range(9):
            refuse(desk, "ada", "wrong", f"198.51.{round_}.{number}")
        login.sign_in(desk.entrance, "ada", PASSWORD, f"192.0.2.{round_}")


def test_tries_at_once_can_not_pass_the_limit_together(tmp_path):
    desk = make_desk(tmp_path)
    desk.add("ada", PASSWORD)
    found: list[type] = []

    def attempt(number):
        try:
            login.sign_in(desk.entrance, "ada", "wrong", f"198.51.100.{number}")
        except (NotSignedIn, Throttled) as error:
            found.append(type(error))

    desk.hasher.compared.clear()
    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(40)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert len(found) == 40
    assert len(desk.hasher.compared) <= 10


def test_limits_can_not_be_left_out(tmp_path):
    for limits in ({"per_name": ()}, {"per_address": ()}):
        with pytest.raises(UsageError):
            make_desk(tmp_path, **limits)


# The first start


def test_the_first_start_makes_one_admin_with_a_random_password(desk):
    password = make_first_admin(desk.users, desk.entrance.passwords, "u_0")
    assert password and make_first_admin(desk.users, desk.entrance.passwords, "u_1") is None
    assert len(desk.users.users) == 1 and password not in repr(desk.users.users)
    made = login.sign_in(desk.entrance, "admin", password, HOME)
    who = verify_access_token(desk.entrance.tokens, made.access_token).principal
    assert made.must_change_password and who.must_change_password
    assert not decide(who, "settings.read").allowed and decide(who, "users.change_password", "u_0").allowed
    other = MemoryUsers()
    assert make_first_admin(other, desk.entrance.passwords, "u_0") != password


@pytest.mark.parametrize("password", ["admin", "password", "", "engram", "changeme", "admin123"])
def test_there_is_no_default_password(desk, password):
    make_first_admin(desk.users, desk.entrance.passwords, "u_0")
    refuse(desk, "admin", password)


def test_a_changed_password_ends_every_sign_in(desk):
    user = desk.add("ada", PASSWORD, must_change_password=True)
    old = login.sign_in(desk.entrance, "ada", PASSWORD, HOME)
    with pytest.raises(NotSignedIn):
        change_password(desk.entrance, user, "wrong", "entirely new words", HOME)
    for new, error in ((PASSWORD, WeakPassword), ("short", WeakPassword), ("ada-ada-lovelace", WeakPassword)):
        with pytest.raises(error):
            change_password(desk.entrance, user, PASSWORD, new, HOME)
    change_password(desk.entrance, user, PASSWORD, "entirely new words", HOME)
    with pytest.raises(NotSignedIn):
        verify_access_token(desk.entrance.tokens, old.access_token)
    with pytest.raises(NotSignedIn):
        login.refresh(desk.entrance, old.refresh_token, HOME)
    refuse(desk, "ada", PASSWORD)
    assert not login.sign_in(desk.entrance, "ada", "entirely new words", HOME).must_change_password
    assert [entry.operation for entry in desk.audit if entry.result == "allowed"].count("users.change_password") == 1


# Staying signed in


def test_a_refresh_gives_the_role_of_now_and_a_theft_is_written_down(desk):
    desk.add("ada", PASSWORD, role="admin")
    first = login.sign_in(desk.entrance, "ada", PASSWORD, HOME)
    desk.users.users["u_ada"] = dataclasses.replace(desk.users.users["u_ada"], role="viewer")
    second = login.refresh(desk.entrance, first.refresh_token, HOME)
    assert second.access.role == "viewer"
    with pytest.raises(FamilyRevoked):
        login.refresh(desk.entrance, first.refresh_token, OTHER)
    assert "old refresh token" in desk.audit[-1].reason and desk.audit[-1].address == OTHER
    with pytest.raises(NotSignedIn):
        login.refresh(desk.entrance, second.refresh_token, HOME)


def test_a_disabled_user_s_refresh_ends(desk):
    desk.add("ada", PASSWORD)
    made = login.sign_in(desk.entrance, "ada", PASSWORD, HOME)
    desk.users.users["u_ada"] = dataclasses.replace(desk.users.users["u_ada"], disabled=True)
    with pytest.raises(NotSignedIn):
        login.refresh(desk.entrance, made.refresh_token, HOME)
    with pytest.raises(NotSignedIn):
        verify_access_token(desk.entrance.tokens, made.access_token)
    with pytest.raises(NotSignedIn):
        login.sign_in_known(desk.entrance, desk.users.users["u_ada"], HOME, operation="oauth.callback")


# Passwords


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "elevenchars", "aaaaaaaaaaaa", "abababababab", "abcabcabcabc", "abcdefghijkl", "123456789012",
        "210987654321", "qwertyuiopas", "password1234", "Password2026!", "engram-engram", "ada.lovelace1815",
        "1815ECALEVOL.ADA", "changeme1234", "\u200b" * 12, "letmeinletmein",
    ],
)  # fmt: skip
def test_a_weak_password_is_refused_without_repeating_it(password):
    with pytest.raises(WeakPassword) as caught:
        check_password(password, "Ada.Lovelace")
    assert len(password) < 4 or password not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "Xk3!vQ9_pL2z", "pässwörter im Wald 7", "한국어 비밀번호 열두 글자"]
)
def test_a_good_password_may_be_chosen(password):
    check_password(password, "ada")


def test_random_passwords_may_be_chosen_and_are_different():
    made = {make_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        check_password(password, "admin")


@given(st.text(min_size=1, max_size=30))
def test_any_password_verifies_and_its_neighbour_does_not(text):
    found = CACHED.hash(text)
    assert found.startswith("$argon2id$")
    assert CACHED.verify(text, found).ok
    assert not CACHED.verify(text + "x", found).ok


CACHED = Passwords(workers=1, waiting=4, hasher=CountingHasher())


def test_a_very_long_password_is_refused_before_any_work():
    hasher = CountingHasher()
    passwords = Passwords(hasher=hasher)
    before = len(hasher.hashes)
    for work in (passwords.hash, lambda text: passwords.verify(text, None)):
        with pytest.raises(WeakPassword, match="longer than 1024 bytes"):
            work("x" * 2000)
    assert (len(hasher.hashes), hasher.compared) == (before, [])
    passwords.close()


def test_a_broken_or_foreign_hash_is_never_right():
    for stored in ("", "x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", CACHED.hash("a")[:-4]):
        assert not CACHED.verify("a", stored).ok


def test_older_parameters_are_replaced_at_the_next_sign_in(tmp_path):
    desk = make_desk(tmp_path, hasher=CountingHasher(time_cost=2))
    desk.add("ada", PASSWORD)
    old = Passwords(hasher=CountingHasher()).hash(PASSWORD)
    desk.users.set_password("u_ada", old, must_change=True)
    assert login.sign_in(desk.entrance, "ada", PASSWORD, HOME).must_change_password
    stored = desk.users.users["u_ada"].password_hash
    assert "t=2" in stored and desk.users.users["u_ada"].must_change_password
    asyncio.run(login.sign_in_async(desk.entrance, "ada", PASSWORD, HOME))
    assert desk.users.users["u_ada"].password_hash == stored


def test_the_default_is_argon2id_with_64_mib():
    passwords = Passwords()
    assert passwords.hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    passwords.close()


def test_what_a_stranger_is_compared_with_costs_what_a_user_costs_and_fits_nobody():
    hasher = Argon2Hasher()
    drawn, real = hash_of_nobody(hasher), hasher.hash("x")
    assert hasher.identify(drawn) and not hasher.check_needs_rehash(drawn)
    assert [len(part) for part in drawn.split("$")] == [len(part) for part in real.split("$")]
    assert drawn.split("$")[:4] == real.split("$")[:4]
    assert not hasher.verify("x", drawn)  # another shape would be told by an error
    assert hash_of_nobody(hasher) != drawn


def test_the_pool_refuses_what_it_has_no_place_for():
    entered, release = threading.Event(), threading.Event()

    class Slow(CountingHasher):
        def verify(self, password, hash):
            entered.set()
            release.wait(30)
            return super().verify(password, hash)

    passwords = Passwords(workers=1, waiting=1, hasher=Slow())
    stored = passwords.hash("a")

    async def burst():
        tries = [asyncio.ensure_future(passwords.verify_async("a", stored)) for _ in range(5)]
        while not entered.is_set() or sum(each.done() for each in tries) < 3:
            await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*tries, return_exceptions=True)

    found = asyncio.run(burst())
    assert sum(isinstance(each, Throttled) for each in found) == 3
    assert sum(getattr(each, "ok", False) for each in found) == 2
    assert passwords.verify("a", stored).ok, "the places are free again"
    passwords.close()


def test_names_fold_the_same_however_they_come():
    assert fold_name("ADA") == fold_name(" \uff21da\n") == "ada"
    assert fold_name("Straße") == fold_name("STRASSE")
    assert len(fold_name("x" * 10_000)) == 256
