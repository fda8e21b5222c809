"""Who may do what: every role with every operation, other people's objects, custom roles, keys and attempts."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import Forbidden, UnknownName, UsageError
from engram.security import operations, policy
from engram.security.operations import IN_PERSON, OPERATIONS, WITH_OLD_PASSWORD, Reach
from engram.security.policy import (
    CustomRole,
    check_operations,
    decide,
    operations_of,
    reach_of,
)
from engram.security.principal import HOUSE, NOBODY, SERVER, USER_ROLES, Principal, attempt_principal
from engram.security.roles import check_assignment, check_scopes, make_role

NAMES = sorted(OPERATIONS)
PEOPLE = {role: Principal("u_me", role) for role in USER_ROLES} | {"anonymous": NOBODY}

# What each role may do at all, written a second time and by hand: by noun, then what differs. The two must agree.
OPEN = {
    "sessions.sign_in", "sessions.refresh", "oauth.providers", "oauth.start", "oauth.callback", "health.live",
    "health.ready", "openapi.read", "pages.read", "pages.asset",
}  # fmt: skip
MACHINES = {name for name in NAMES if name.startswith("core.")} | {
    f"attempts.{verb}"
    for verb in (
        *("spec", "dataset", "events", "lease", "checkpoint", "candidate", "stopped"),
        *("state", "declare", "judge", "publish"),
    )
}
ADMINS_ONLY = {
    "reviews.decide", "metrics.house", "metrics.prometheus", "usage.house", "costs.house", "sla.house", "cloud.read",
    "cloud.start", "cloud.stop", "users.list", "users.create", "users.update", "users.assign_role",
    "users.reset_password", "users.disable", "users.delete", "roles.list", "roles.read", "roles.create",
    "roles.update", "roles.delete", "policy.write", "filters.read", "filters.write", "filters.test",
    "filters.decisions", "audit.list", "audit.export", "audit.verify", "settings.read", "settings.write", "home.gc",
    "home.backup",
    "home.restore", "home.rotate_keys", "ws.system",
}  # fmt: skip
VIEWERS = OPEN | {
    f"{noun}.{verb}"
    for noun, verbs in {
        "templates": "list read certificate", "datasets": "list read preview splits download",
        "recipes": "list read validate schema",
        "kinds": "list read", "runs": "list read recipe watch compare", "iterations": "list read",
        "events": "list watch",
        "reports": "list read page", "verdicts": "list read", "reviews": "list read",
        "artifacts": "list read download verify",
        "deployments": "list read predict predict_file stream feedback traffic",
        "models": "read download", "modulations": "list read", "attempts": "read",
        "ledger": "list newest read prove verify checkpoint key", "certificates": "list read verify",
        "alerts": "list read",
        "metrics": "list read", "drift": "read", "usage": "list read", "costs": "list read", "sla": "read",
        "users": "me change_password read", "keys": "list read create revoke",
        "sessions": "sign_out list end end_all", "policy": "read", "home": "status",
        "openai": "models.list models.read chat.completions completions embeddings audio.speech audio.transcriptions "
        "files.list files.read files.content fine_tuning.list fine_tuning.read fine_tuning.events "
        "fine_tuning.checkpoints",
        "ws": "connect runs run events deployment alerts metrics reviews ledger",
    }.items()
    for verb in verbs.split()
}  # fmt: skip
DEVELOPERS = set(NAMES) - MACHINES - ADMINS_ONLY
EXPECTED = {"anonymous": OPEN, "viewer": VIEWERS, "developer": DEVELOPERS, "admin": set(NAMES) - MACHINES}


@pytest.mark.parametrize("role", EXPECTED)
def test_every_role_with_every_operation(role: str):
    for operation in NAMES:
        decision = decide(PEOPLE[role], operation, "u_me")
        assert decision.allowed == (operation in EXPECTED[role]), (operation, decision)
        if not decision.allowed:
            assert decision.reason == ("sign in" if role == "anonymous" else "role"), operation
            assert not decision.hidden, operation
        assert (reach_of(PEOPLE[role], operation) > Reach.NONE) == decision.allowed, operation


@pytest.mark.parametrize("role", ["viewer", "developer"])
def test_other_people_s_objects_do_not_even_show(role: str):
    on_objects = [name for name in NAMES if OPERATIONS[name].on_object and name in EXPECTED[role]]
    assert len(on_objects) > 40
    for operation in on_objects:
        theirs = decide(PEOPLE[role], operation, "u_other")
        assert (theirs.allowed, theirs.hidden) == (False, True), operation
        assert theirs == decide(PEOPLE[role], operation, None), "an object that isn't there must answer the same"
        for owner in ("", "*", "admin", HOUSE.upper()):
            assert not decide(PEOPLE[role], operation, owner).allowed, operation


def test_what_is_shared_can_be_read_and_used_but_not_changed():
    for role in ("viewer", "developer"):
        for owner, shared in (("u_other", True), (HOUSE, False)):
            assert decide(PEOPLE[role], "runs.read", owner, shared=shared).allowed
            assert decide(PEOPLE[role], "deployments.predict", owner, shared=shared).allowed
            assert not decide(PEOPLE[role], "runs.delete", owner, shared=shared).allowed
            assert not decide(PEOPLE[role], "keys.revoke", owner, shared=shared).allowed
    assert decide(PEOPLE["admin"], "runs.delete", "u_other").allowed
    assert not decide(PEOPLE["admin"], "users.change_password", "u_other").allowed


def test_nobody_can_be_called_house_and_own_what_belongs_to_everybody():
    assert not decide(Principal(HOUSE, "developer"), "runs.delete", HOUSE).allowed
    assert not decide(Principal("", "developer"), "runs.delete", "").allowed


@given(st.text())
def test_an_unknown_operation_is_refused(name: str):
    if name not in OPERATIONS:
        for person in (*PEOPLE.values(), SERVER, attempt_principal("r_1", 1)):
            assert decide(person, name, "u_me") == policy.Decision(False, reason="unknown operation")
            assert reach_of(person, name) is Reach.NONE


@pytest.mark.parametrize("role", ["", "Admin", "ADMIN ", "root", "reviewer"])
def test_an_unknown_role_may_do_nothing(role: str):
    assert all(decide(Principal("u_me", role), name, "u_me").allowed == (name in OPEN) for name in NAMES)


NOUNS = (
    "templates datasets recipes runs events reports verdicts reviews artifacts deployments modulations ledger "
    "certificates alerts metrics usage users keys sessions policy audit settings models modulation attempts openai ws "
    "core health openapi"
)


def test_the_table_has_every_noun_of_the_api():
    nouns = {name.split(".")[0] for name in NAMES}
    for noun in NOUNS.split():
        assert noun in nouns
    assert {f"core.{verb}" for verb in ["launch", "status", "kill", "predict", "classify", "health"]} <= set(NAMES)
    assert set(NAMES) >= WITH_OLD_PASSWORD | IN_PERSON


def test_only_the_server_calls_core():
    for name in NAMES:
        assert decide(SERVER, name).allowed == (name.startswith("core.") or name in OPEN)


def test_an_attempt_s_key_is_good_for_one_run_and_one_epoch():
    key = attempt_principal("r_1", 3)
    its_own = {name for name in NAMES if decide(key, name, "u_me", run="r_1", epoch=3).allowed} - OPEN
    assert its_own == {name for name in MACHINES if name.startswith("attempts.")} | {
        name for name in NAMES if name.startswith(("modulation.", "models."))
    }
    for name in its_own:
        assert decide(key, name, "u_me", run="r_1", epoch=4) == policy.Decision(False, reason="epoch")
        assert decide(key, name, "u_me", run="r_1") == policy.Decision(False, reason="epoch")
        assert decide(key, name, "u_me", run="r_2", epoch=3) == policy.Decision(False, hidden=True, reason="run")
        assert not decide(key, name, "u_me", epoch=3).allowed
        assert not decide(Principal("u_me", "attempt"), name, "u_me", run="r_1", epoch=3).allowed


def test_a_first_password_opens_nothing_but_its_own_change():
    fresh = dataclasses.replace(PEOPLE["admin"], must_change_password=True)
    allowed = {name for name in NAMES if decide(fresh, name, "u_me").allowed}
    assert allowed == OPEN | {"users.me", "users.change_password", "sessions.sign_out"}
    assert allowed == set(operations_of(fresh))


# API keys


@given(st.sampled_from(USER_ROLES), st.sets(st.sampled_from(NAMES), max_size=5))
def test_a_key_does_what_its_scopes_and_its_owner_s_role_both_allow(role: str, scopes: set[str]):
    key = dataclasses.replace(PEOPLE[role], scopes=frozenset(scopes))
    for name in NAMES:
        allowed = decide(key, name, "u_me").allowed
        assert allowed == (name in OPEN or (name in EXPECTED[role] and name in scopes - IN_PERSON))
        assert (reach_of(key, name) > Reach.NONE) == allowed


@pytest.mark.parametrize("scope", ["*", "keys.*", "users.*", "roles.*", "policy.*", "home.*"])
def test_no_scope_lets_a_key_make_or_widen_credentials(scope: str):
    key = Principal("u_me", "admin", frozenset({scope, *IN_PERSON}))
    for name in IN_PERSON:
        assert decide(key, name, "u_me").reason == "in person"


def test_a_demoted_owner_s_key_is_demoted_with_her():
    key = Principal("u_me", "admin", frozenset({"*"}))
    assert decide(key, "settings.write").allowed
    assert not decide(dataclasses.replace(key, role="viewer"), "settings.write").allowed


def test_scopes_that_name_nothing_are_refused():
    with pytest.raises(UnknownName, match=r"runs\.lst"):
        check_scopes(PEOPLE["admin"], ["runs.lst"])
    for scopes, error in ([], UsageError), (["audit.*"], Forbidden), (["run.*"], UnknownName), (["**"], UnknownName):
        with pytest.raises(error):
            check_scopes(PEOPLE["developer"], scopes)


# Custom roles


def test_a_custom_role_does_what_it_was_given_and_no_more():
    role = make_role(PEOPLE["admin"], "reviewer", {"reviews.decide": Reach.ANY, "runs.read": Reach.ANY})
    person = Principal("u_me", "reviewer")
    allowed = {name for name in NAMES if decide(person, name, "u_me", {"reviewer": role}).allowed}
    assert allowed == OPEN | WITH_OLD_PASSWORD | {"reviews.decide", "runs.read"}
    assert decide(person, "reviews.decide", "u_other", {"reviewer": role}).allowed
    assert not decide(person, "reviews.decide", "u_other", {}).allowed, "a role that was deleted gives nothing"


def test_nobody_grants_more_than_she_may():
    granting = make_role(PEOPLE["admin"], "hr", {"roles.create": Reach.ANY, "users.assign_role": Reach.ANY})
    roles = {"hr": granting}
    hr = Principal("u_hr", "hr")
    with pytest.raises(Forbidden, match=r"runs\.delete"):
        make_role(hr, "mine", {"runs.delete": Reach.OWN}, roles)
    with pytest.raises(Forbidden):
        check_assignment(hr, "admin", roles)
    check_assignment(hr, "hr", roles)
    check_assignment(PEOPLE["admin"], "admin", roles)
    for machine in ("core.kill", "attempts.lease"):
        with pytest.raises(Forbidden):
            make_role(PEOPLE["admin"], "root", {machine: Reach.OWN})
    with pytest.raises(Forbidden):
        check_assignment(Principal("u_me", "admin", frozenset({"users.*"})), "admin")


def test_a_role_that_was_edited_in_the_database_is_still_bounded():
    forged = CustomRole("forged", dict.fromkeys([*NAMES, "runs.explode"], Reach.ANY))
    person = Principal("u_me", "forged")
    for name in NAMES:
        decision = decide(person, name, "u_other", {"forged": forged}, run="r_1", epoch=1)
        assert not (decision.allowed and name in MACHINES)
    shadow = {"viewer": CustomRole("viewer", dict.fromkeys(NAMES, Reach.ANY))}
    assert not decide(PEOPLE["viewer"], "settings.write", None, shadow).allowed
    assert not decide(NOBODY, "runs.list", None, {"anonymous": forged}).allowed


@pytest.mark.parametrize("name", ["admin", "anonymous", "service", "", "Reviewer", "a b", "réviseur", "../x", "-"])
def test_a_bad_name_for_a_role_is_refused(name: str):
    with pytest.raises(UsageError):
        make_role(PEOPLE["admin"], name, {"runs.read": Reach.OWN})


def test_a_route_without_a_row_is_found_at_the_start():
    check_operations(NAMES)
    with pytest.raises(UnknownName, match=r"Did you mean 'runs\.list'"):
        check_operations([*NAMES, "runs.lists"])


def test_the_table_can_not_be_read_two_ways():
    assert sum(len(verbs) for verbs in operations._TABLE.values()) == len(OPERATIONS)
    assert all(row.name == name and row.reach for name, row in OPERATIONS.items())
