"""Ways around a gate, over the API: who decides, on what evidence, and once."""

from __future__ import annotations

import json
import threading

import pytest
from support.household import House, open_house

from engram.gate.criteria import judge
from engram.ledger.log import Ledger
from engram.schema.report import Measure, Report
from engram.store.records import evidence


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_house(tmp_path_factory.mktemp("house")) as one:
        yield one


@pytest.fixture
def run(house: House) -> str:
    found = house.begin("ann")
    house.let_wait(found)
    return found


def decide(house: House, run: str, decision: str = "approve", who: str = "root", **more):
    return house.ask(who, "POST", f"/runs/{run}/review", {"decision": decision, "reason": "I looked.", **more})


def entries(house: House, run: str):
    return Ledger.read(house.here.home / "ledger", house.here.ledger.key).find("run.reviewed", run)


def test_what_waits_is_listed_with_what_was_missed_until_it_is_decided(house: House, run):
    (waiting,) = [one for one in house.ask("root", "GET", "/reviews").json()["items"] if one["run"] == run]
    assert [(one["metric"], one["observed"]) for one in waiting["missed"]] == [("leaked_test_rows", 0.5)]
    assert run in house.ask("ann", "GET", "/reviews").text
    assert run not in house.ask("bob", "GET", "/reviews").text
    assert decide(house, run, verdict=waiting["digest"]).status_code == 201
    assert run not in house.ask("root", "GET", "/reviews").text


def test_an_approved_run_is_queued_again_and_the_ledger_has_the_digest_of_the_reason(house: House, run):
    made = decide(house, run)
    assert (made.status_code, house.state(run)) == (201, "queued"), made.text
    (entry,) = entries(house, run)
    assert (entry.actor, entry.body["decision"]) == (house.ids["root"], "approve")
    assert entry.body["reason"] == made.json()["reason_digest"]
    assert "I looked" not in json.dumps(dict(entry.body))
    (kept,) = house.ask("ann", "GET", f"/runs/{run}/reviews").json()["items"]
    assert (kept["reason"], kept["actor"]) == ("I looked.", house.ids["root"])
    house.here.authority(run).judged("data")  # does not raise: the run may go on


def test_a_rejected_run_is_refused_for_good(house: House, run):
    assert decide(house, run, "reject").status_code == 201
    assert house.state(run) == "refused"
    assert house.here.folder(run).record().state == "refused"
    for command in ("resume", "cancel"):
        assert house.ask("ann", "POST", f"/runs/{run}/{command}").status_code == 409


def test_only_a_reviewer_decides(house: House, run):
    for who in ("ann", "bob", "eve"):
        assert decide(house, run, who=who).status_code in (403, 404)
    assert house.state(run) == "awaiting_review"
    assert entries(house, run) == []


def test_a_run_that_waits_for_nobody_is_not_reviewed(house: House):
    found = house.begin("ann")
    assert decide(house, found).status_code == 409


def test_a_decision_fits_only_the_verdict_that_was_read(house: House, run):
    assert decide(house, run, verdict="sha256:" + "0" * 64).status_code == 409
    assert decide(house, run, stage="evaluate").status_code == 409
    assert (house.state(run), entries(house, run)) == ("awaiting_review", [])


def test_a_report_that_was_changed_after_it_was_judged_is_refused(house: House, run):
    path = house.here.folder(run).path / "reports" / "data.json"
    path.write_text(path.read_text().replace("0.5", "0.25"))
    told = decide(house, run)
    assert (told.status_code, told.json()["error"]) == (409, "Refused")
    assert "changed after it was judged" in told.json()["detail"]
    assert (house.state(run), entries(house, run)) == ("awaiting_review", [])


def test_a_report_and_a_verdict_that_were_made_up_together_are_refused(house: House, run):
    folder = house.here.folder(run)
    report = Report(run, "data", 100, {"leaked_test_rows": Measure(0.001)}, folder.report("data").split_digest)
    folder.save_report(report)
    verdict = judge(report, folder.gates()["data"])
    folder.save_verdict(verdict)
    with house.here.db.write() as tx:
        evidence.put_report(tx, report)
        evidence.put_verdict(tx, verdict)
    told = decide(house, run)
    assert (told.status_code, "ledger" in told.json()["detail"]) == (409, True)


def test_another_runs_evidence_is_refused(house: House, run):
    other = house.begin("ann")
    house.let_wait(other, accuracy=0.25)
    for part in ("reports", "verdicts"):
        source = house.here.folder(other).path / part / "data.json"
        (house.here.folder(run).path / part / "data.json").write_text(source.read_text())
    assert decide(house, run).status_code == 409


def test_no_evidence_is_refused(house: House, run):
    (house.here.folder(run).path / "verdicts" / "data.json").unlink()
    assert decide(house, run).status_code == 409


def test_gates_that_were_loosened_afterwards_are_refused(house: House, run):
    path = house.here.folder(run).path / "gates.json"
    path.write_text(path.read_text().replace('"major"', '"critical"'))
    assert decide(house, run).status_code == 409


def test_of_many_who_decide_at_once_one_does(house: House, run):
    told: list[int] = []

    def ask(decision: str) -> None:
        told.append(decide(house, run, decision).status_code)

    threads = [threading.Thread(target=ask, args=(("approve", "reject")[number % 2],)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(told) == [201] + [409] * 7
    assert len(entries(house, run)) == 1


def test_the_same_decision_sent_again_under_its_key_is_the_same_review(house: House, run):
    body = {"decision": "approve", "reason": "I looked."}
    first, again = (house.ask("root", "POST", f"/runs/{run}/review", body, Idempotency_Key=run) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert len(entries(house, run)) == 1
