"""Every change and every refusal leaves a line, the lines are a chain, and the ledger knows where it ended."""

from __future__ import annotations

import csv
import io
import time
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from support.people import PASSWORD, people
from support.security_stores import Clock

from engram.errors import VerificationFailed
from engram.security.audit import AuditDraft, record
from engram.security.principal import NOBODY, Principal
from engram.server import request_audit
from engram.server.access import Caller
from engram.server.app import api_routes
from engram.server.auditing import ROOT_EVERY, Roots, StoredAudit, check_audit, record_in
from engram.server.scheduler import Scheduler
from engram.store.times import to_micros

HOUR = ROOT_EVERY / 1_000_000


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with people(tmp_path_factory.mktemp("audit")) as one:
        yield one


def test_a_change_leaves_who_what_on_what_from_where_and_never_the_body(house):
    secret = "the-body-has-this"
    made = house.call("root", "POST", "/users", {"name": "mia", "role": "viewer", "title": secret}, X_Request_ID="q-1")
    (line,) = house.lines(operation="users.create")
    assert (line["actor"], line["subject"], line["outcome"]) == (house.ids["root"], made.json()["id"], "allowed")
    assert (line["request"], line["via"]) == ("q-1", "token")
    path = f"/users/{made.json()['id']}"
    house.call("root", "PATCH", path, {"title": secret + "2"})
    house.call("root", "POST", f"{path}/password")
    found = house.lines(subject=made.json()["id"])
    assert [one["operation"] for one in found] == ["users.reset_password", "users.update", "users.create"]
    assert secret not in str(house.lines()) and made.json()["password"] not in str(house.lines())


def test_a_refusal_of_somebody_known_leaves_a_line_and_a_stranger_s_leaves_none(house):
    run = house.call("ann", "POST", "/runs", {"recipe": "quickstart"}).json()["id"]
    before = len(house.lines(limit=200))
    assert house.call("eve", "GET", "/settings").status_code == 403
    assert house.call("bob", "GET", f"/runs/{run}").status_code == 404
    assert house.call("", "GET", "/settings").status_code == 401
    assert house.call("bob", "GET", "/runs").status_code == 200
    found = house.lines(limit=200)
    keys = ("actor", "operation", "subject", "outcome", "reason")
    new = [one for one in found[: len(found) - before] if one["operation"] != "sessions.sign_in"]
    assert [tuple(one[key] for key in keys) for one in new] == [
        (house.ids["bob"], "runs.read", run, "refused", "404"),
        (house.ids["eve"], "settings.read", "", "refused", "403"),
    ]


def test_what_fails_is_told_from_what_is_refused(house):
    assert house.call("ann", "POST", "/runs", {"recipe": "nosuch"}).status_code in (404, 422)
    assert house.call("ann", "POST", "/runs", {"wrong": 1}).status_code == 422
    assert house.lines(operation="runs.create")[0]["outcome"] == "failed"


def test_a_key_is_named_by_its_prefix(house):
    made = house.call("ann", "POST", "/keys", {"name": "k", "scopes": ["*"]}).json()
    assert house.lines(operation="keys.create")[0]["subject"] == made["prefix"]
    house.client.post("/api/v1/runs", json={"recipe": "quickstart"}, headers={"Authorization": f"Bearer {made['key']}"})
    line = house.lines(operation="runs.create")[0]
    assert (line["actor"], line["via"]) == (house.ids["ann"], made["prefix"])
    assert made["key"].removeprefix(made["prefix"]) not in str(house.lines())


def test_every_operation_that_changes_something_is_audited_in_one_place():
    """Each route that is not a question, asked by somebody known and answered well, leaves a line."""
    caller = Caller(Principal("u_1", "admin"), "")
    silent = set()
    for route in api_routes():
        for method in route.methods - {"HEAD"}:
            here = SimpleNamespace(caller=Caller(caller.principal, str(route.operation_id)), id="q")
            line = request_audit.line_of(SimpleNamespace(state=here, method=method), 200)
            if line is None and method not in ("GET", "HEAD", "OPTIONS"):
                silent.add(route.operation_id)
    assert silent <= request_audit.BY_THEMSELVES | request_audit.CHANGE_NOTHING
    nobody = SimpleNamespace(caller=Caller(NOBODY, "runs.create"), id="q")
    assert request_audit.line_of(SimpleNamespace(state=nobody, method="POST"), 401) is None


def test_sign_ins_that_failed_are_there_without_the_name_that_was_typed(house):
    house.forget_tries()
    house.sign_in("my password typed as a name", "x")
    line = house.lines(operation="sessions.sign_in")[0]
    assert (line["outcome"], line["reason"], line["actor"]) == ("refused", "unknown name", "")
    assert "typed" not in str(line)


def test_lines_are_found_by_who_what_and_when_and_paged(house):
    all_of_them = house.lines(limit=200)
    assert [one["id"] for one in all_of_them] == list(range(all_of_them[0]["id"], 0, -1))
    middle = all_of_them[len(all_of_them) // 2]
    later = house.lines(limit=200, **{"from": middle["time"]})
    earlier = house.lines(limit=200, to=middle["time"])
    assert [one["id"] for one in later + earlier] == [one["id"] for one in all_of_them]
    assert {one["actor"] for one in house.lines(actor=house.ids["bob"])} == {house.ids["bob"]}
    asked = house.call("root", "GET", "/audit?limit=2").json()
    rest = house.call("root", "GET", f"/audit?limit=2&after={asked['next']}").json()["items"]
    assert [one["id"] for one in asked["items"] + rest] == [one["id"] for one in all_of_them[:4]]
    for wrong in ("from=yesterday", "limit=0", "after=x"):
        assert house.call("root", "GET", f"/audit?{wrong}").status_code == 422, wrong
    assert house.call("ann", "GET", "/audit").status_code == 403


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_export_is_a_formula(house, start):
    hostile = f'{start}cmd|"/c calc"!A1'
    record_in(house.platform.db, AuditDraft("u_x", "runs.create", "failed", hostile, request=f"q{ord(start)}"))
    told = house.call("root", "GET", "/audit/export?actor=u_x")
    assert told.headers["content-type"].startswith("text/csv")
    assert told.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(told.text)))
    (row,) = [one for one in rows if one["request"] == f"q{ord(start)}"]
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for one in rows for value in one.values())
    shown = hostile.replace("\t", "\\t").replace("\r", "\\r")
    assert row["subject"] in (f"'{shown}", shown)
    assert len(rows) == len(house.lines(actor="u_x"))


def test_a_name_that_is_a_formula_is_only_text_in_the_export(house):
    house.call("ann", "GET", "/runs/=1+1")
    told = house.call("root", "GET", f"/audit/export?actor={house.ids['ann']}&operation=runs.read")
    assert "'=1+1" in told.text and ",=1+1" not in told.text


# The chain


@pytest.fixture
def written(tmp_path):
    """A home of its own with some lines, and a clock that stands still at the real time."""
    with people(tmp_path) as one:
        for number in range(5):
            record_in(one.platform.db, AuditDraft("u_1", "runs.create", "allowed", f"r_{number}"))
        yield one


def damage(house, statement):
    with house.platform.db.write() as tx:
        tx.execute(text(statement))


def test_an_untouched_audit_is_proven_whole(written):
    told = written.call("root", "GET", "/audit/check").json()
    assert told["ok"] and told["size"] >= 5
    assert written.call("ann", "GET", "/audit/check").status_code == 403


COLUMNS = {
    "actor": "'u_2'", "operation": "'runs.read'", "subject": "'r_9'", "outcome": "'refused'", "reason": "'x'",
    "address": "'::1'", "request": "'x'", "detail": "'[]'", "time": "5", "via": "'x'", "before": "'x'",
}  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
def test_a_flipped_line_is_named(written, column):
    damage(written, f"UPDATE audit SET {column} = {COLUMNS[column]} WHERE id = 3")
    with pytest.raises(VerificationFailed, match="Audit entry 2 is not the one"):
        check_audit(written.platform)
    told = written.call("root", "GET", "/audit/check")
    assert told.status_code == 400 and "Audit entry 2" in told.json()["detail"]


def test_a_line_that_was_forged_with_its_digest_breaks_the_next(written):
    with written.platform.db.read() as tx:
        other = tx.execute(text("SELECT digest FROM audit WHERE id = 4")).scalar_one()
    damage(written, f"UPDATE audit SET digest = '{other}', id = 30 WHERE id = 3")
    with pytest.raises(VerificationFailed, match=r"Audit entry 2 is not the one"):
        check_audit(written.platform)


@pytest.mark.parametrize("statement", ["DELETE FROM audit WHERE id = 2", "DELETE FROM audit WHERE id < 3"])
def test_a_dropped_line_is_noticed(written, statement):
    Roots(written.platform).enter()
    damage(written, statement)
    with pytest.raises(VerificationFailed, match=r"Audit entry 1|begins at entry 2"):
        check_audit(written.platform)


def test_a_cut_end_and_a_whole_new_past_do_not_fit_the_ledger_s_root(written):
    assert Roots(written.platform).enter()
    damage(written, "DELETE FROM audit WHERE id > 4")
    with pytest.raises(VerificationFailed, match="its end is missing"):
        check_audit(written.platform)
    damage(written, "DELETE FROM audit")
    with pytest.raises(VerificationFailed, match="dropped"):
        check_audit(written.platform)
    for number in range(9):
        record_in(written.platform.db, AuditDraft("u_2", "runs.create", "allowed", f"r_{number}"))
    with pytest.raises(VerificationFailed, match="root of"):
        check_audit(written.platform)


def test_the_root_enters_the_ledger_also_while_there_is_no_core(written):
    assert not (written.platform.home / "core.json").exists()
    Scheduler(written.platform).beat()
    assert written.platform.ledger.entry(written.platform.ledger.size - 1).type == "audit.rooted"
    assert "no core" in written.platform.standing.away


def test_the_root_enters_the_ledger_once_an_hour_and_only_when_there_is_something_new(written):
    platform, clock = written.platform, Clock()
    platform.clock = clock
    roots = Roots(platform)
    assert roots.enter()
    first = platform.ledger.entry(platform.ledger.size - 1)
    clock.now = to_micros(first.time) / 1_000_000
    assert first.type == "audit.rooted" and first.body["size"] == 5
    record_in(platform.db, AuditDraft("u_1", "runs.create", "allowed", "r_9"))
    clock.pass_(HOUR - 1)
    assert not roots.enter() and not Roots(platform).enter()
    clock.pass_(2)
    assert Roots(platform).enter()
    assert platform.ledger.entry(platform.ledger.size - 1).body["size"] == 6
    clock.pass_(2 * HOUR)
    assert not Roots(platform).enter()
    clock.pass_(-10 * HOUR)
    assert not Roots(platform).enter()
    assert check_audit(platform).size == 6


def test_old_lines_are_forgotten_and_the_rest_is_still_proven(tmp_path):
    with people(tmp_path) as house:
        platform, long_ago = house.platform, Clock(time.time() - 60 * 24 * 3600)
        with platform.db.write() as tx:
            for number in range(4):
                record(StoredAudit(tx), AuditDraft("u_1", "runs.create", "allowed", f"r_{number}"), long_ago)
        for number in range(3):
            record_in(platform.db, AuditDraft("u_1", "runs.create", "allowed", f"r_{number}"))
        assert Roots(platform).enter(keep_days=30)
        assert [one["id"] for one in house.lines()] == [8, 7, 6, 5]  # the eighth is that sign-in
        assert platform.ledger.entry(platform.ledger.size - 1).body["first"] == 5
        assert check_audit(platform).size == 8
        record_in(platform.db, AuditDraft("u_1", "runs.create", "allowed", "r_8"))
        assert check_audit(platform).size == 9
        damage(house, "DELETE FROM audit WHERE id = 5")
        with pytest.raises(VerificationFailed, match="begins at entry 5, but the ledger says that it begins at 4"):
            check_audit(platform)


def test_signing_in_is_audited_where_it_was_before(house):
    house.forget_tries()
    house.sign_in("bob", PASSWORD)
    assert house.lines(operation="sessions.sign_in")[0]["actor"] == house.ids["bob"]
