"""Deployments: what may be deployed, the load test before it, canaries, stop and start, and what the ledger learns."""

from __future__ import annotations

import shutil
import threading

import pytest
from support import household
from support.household import House

from engram import files
from engram.errors import UserError
from engram.ledger.log import Ledger
from engram.server.answering import drawn
from engram.server.warming import warm
from engram.store.records import artifacts, deployments

house, quiet = household.house, household.quiet


@pytest.fixture
def two(house: House, request) -> tuple[str, str]:
    """Two artifacts of Ann's that nobody has deployed."""
    name = request.node.name
    return house.publish("ann", f"{name} 1"), house.publish("ann", f"{name} 2")


def deploy(house: House, artifact: str, name: str = "", *, who: str = "ann", mode: str = "", **headers):
    path = "/deployments" + (f"?simulate={mode}" if mode else "")
    return house.ask(who, "POST", path, {"name": name or f"d-{artifact[-8:]}", "artifact": artifact}, **headers)


def change(house: House, made, what: str, who: str = "ann", method: str = "POST", **body):
    version = house.ask("ann", "GET", f"/deployments/{made['name']}").json()["version"]
    return house.ask(who, method, f"/deployments/{made['name']}/{what}", {"version": version, **body})


def changes(house: House, made) -> list[dict]:
    ledger = Ledger.read(house.here.home / "ledger", house.here.ledger.key)
    return [dict(one.body) for one in ledger.find("deployment.changed", made["id"])]


def test_a_deployment_is_opened_and_bears_its_load_before_it_answers(house: House, two):
    asked: list[str] = []
    house.core.reply = lambda digest, one: asked.append(one) or {"label": one}
    made = deploy(house, two[0])
    assert made.status_code == 201, made.text
    assert house.core.opened[0] == two[0]
    assert len(set(asked)) >= 2
    run = house.ask("ann", "GET", f"/artifacts/{two[0]}").json()["run"]
    report = house.ask("ann", "GET", f"/runs/{run}/reports/deploy").json()
    assert set(report["metrics"]) == {"p50_latency_ms", "p95_latency_ms", "error_rate", "requests_per_second"}
    assert (report["n"], report["details"]["concurrency"]) == (len(asked) - 1, 8)
    verdict = house.ask("ann", "GET", f"/runs/{run}/verdicts/deploy").json()
    assert verdict["decision"] == "advance"
    (entry,) = changes(house, made.json())
    assert (entry["artifact"], entry["verdict"]) == (two[0], verdict["digest"])


def failing(house: House) -> None:
    """Let every second answer fail."""
    count = [0]

    def reply(digest, one):
        count[0] += 1
        if count[0] % 2 == 0:
            raise UserError("No.")
        return {}

    house.core.reply = reply


def test_what_does_not_bear_its_load_is_refused_with_the_figures(house: House, two):
    failing(house)
    told = deploy(house, two[0])
    assert (told.status_code, told.json()["error"]) == (409, "Refused")
    assert "error_rate <= 0.01, observed 0." in told.json()["detail"]
    assert house.ask("ann", "GET", f"/deployments/d-{two[0][-8:]}").status_code == 404
    run = house.ask("ann", "GET", f"/artifacts/{two[0]}").json()["run"]
    assert house.ask("ann", "GET", f"/runs/{run}/verdicts/deploy").json()["decision"] == "rollback"


def test_only_an_admin_deploys_what_does_not_bear_its_load(house: House, two):
    failing(house)
    assert deploy(house, two[0], mode="advisory").status_code == 403
    assert deploy(house, two[0], mode="off", who="root").status_code == 422
    assert deploy(house, two[0], mode="advisory", who="root").status_code == 201


def test_promote_and_canary_ask_the_same(house: House, two):
    made = deploy(house, two[0]).json()
    failing(house)
    assert change(house, made, "promote", artifact=two[1]).status_code == 409
    assert change(house, made, "canary", method="PUT", artifact=two[1], share=0.5).status_code == 409
    assert house.ask("ann", "GET", f"/deployments/{made['name']}").json()["artifact"] == two[0]
    assert len(changes(house, made)) == 1


def test_an_artifact_that_does_not_answer_its_own_test_rows_is_refused(house: House, two):
    def reply(digest, one):
        raise UserError("That is no text.")

    house.core.reply = reply
    told = deploy(house, two[0])
    assert (told.status_code, "That is no text." in told.json()["detail"]) == (409, True)


def test_a_candidate_or_anything_else_that_is_no_artifact_is_never_deployed(house: House, two):
    run = house.ask("ann", "GET", f"/artifacts/{two[0]}").json()["run"]
    for name in (f"candidate:{run}", run, "../../etc", "sha256:x"):
        for who, mode in (("ann", ""), ("root", "advisory")):
            assert deploy(house, name, "nothing", who=who, mode=mode).status_code in (404, 409), name
    assert deploy(house, "sha256:" + "0" * 64, "nothing").status_code == 404
    assert deploy(house, two[0], "bobs", who="bob").status_code == 404


def test_what_is_not_certified_here_is_never_deployed(house: House, two):
    place = house.here.home / "artifacts" / two[0].removeprefix("sha256:")
    other = house.here.home / "artifacts" / two[1].removeprefix("sha256:")
    kept = (place / "certificate.json").read_bytes()
    (place / "certificate.json").unlink()
    assert deploy(house, two[0], mode="advisory", who="root").status_code == 409
    (place / "certificate.json").write_bytes((other / "certificate.json").read_bytes())
    assert deploy(house, two[0], mode="advisory", who="root").status_code == 409
    said = files.read_json(other / "certificate.json")
    said["leaf_index"] += 1
    (place / "certificate.json").write_bytes(files.canonical_json(said))
    assert deploy(house, two[0], mode="advisory", who="root").status_code == 409
    (place / "certificate.json").write_bytes(kept)
    assert deploy(house, two[0]).status_code == 201


@pytest.mark.parametrize("decision", ["rollback", "review"])
def test_what_a_gate_did_not_admit_is_never_deployed_even_with_a_certificate(house: House, decision):
    digest = house.publish("ann", decision, decision=decision)
    told = deploy(house, digest, mode="advisory", who="root")
    assert (told.status_code, "evaluate" in told.json()["detail"]) == (409, True)


def test_what_can_not_be_asked_because_its_rows_are_gone_is_refused(house: House, two):
    run = house.ask("ann", "GET", f"/artifacts/{two[0]}").json()["run"]
    shutil.rmtree(house.here.folder(run).path)
    assert "test rows" in deploy(house, two[0]).json()["detail"]


def test_the_same_deployment_asked_twice_under_a_key_is_made_and_tested_once(house: House, two):
    first = deploy(house, two[0], Idempotency_Key="k1")
    house.core.opened.clear()
    failing(house)
    again = deploy(house, two[0], Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert house.core.opened == []
    assert deploy(house, two[1], "other", Idempotency_Key="k1").status_code == 409


def test_a_stopped_deployment_answers_nobody_until_it_is_started(house: House, two):
    made = deploy(house, two[0]).json()
    predict = lambda: house.ask("ann", "POST", f"/deployments/{made['name']}/predict", {"inputs": ["a"]})  # noqa: E731
    assert predict().json() == {"artifact": two[0], "answers": [{"by": two[0], "of": "a"}]}
    assert change(house, made, "stop", reason="at night").json()["state"] == "stopped"
    assert (predict().status_code, predict().json()["error"]) == (409, "Refused")
    assert change(house, made, "start").json()["state"] == "serving"
    assert predict().status_code == 200
    history = house.ask("ann", "GET", f"/deployments/{made['name']}").json()["history"]
    assert [(one["state"], one["reason"]) for one in history] == [
        ("serving", ""),
        ("stopped", "at night"),
        ("serving", ""),
    ]
    assert [one["state"] for one in changes(house, made)] == ["serving", "stopped", "serving"]


def test_a_shared_deployment_is_used_by_everybody_and_changed_by_nobody_else(house: House, two):
    made = deploy(house, two[0]).json()
    path = f"/deployments/{made['name']}"
    assert house.ask("eve", "POST", f"{path}/predict", {"inputs": ["a"]}).status_code == 404
    tag = house.ask("ann", "GET", path).headers["etag"]
    assert house.ask("ann", "PUT", f"{path}/share", {"shared": True}, If_Match=tag).json()["shared"]
    assert house.ask("eve", "POST", f"{path}/predict", {"inputs": ["a"]}).status_code == 200
    assert made["name"] in [one["name"] for one in house.ask("eve", "GET", "/deployments").json()["items"]]
    for what in ("stop", "start", "rollback", "canary/end", "canary/promote"):
        assert change(house, made, what, who="bob").status_code == 404, what
    assert house.ask("bob", "DELETE", path).status_code == 404
    assert house.ask("ann", "PUT", f"{path}/share", {"shared": False}, If_Match=tag).status_code == 412


def answers_of(house: House, made, times: int, **headers) -> list[str]:
    path = f"/deployments/{made['name']}/predict"
    return [house.ask("ann", "POST", path, {"inputs": ["a"]}, **headers).json()["artifact"] for _ in range(times)]


def test_a_canary_answers_its_share_and_the_answer_says_who_it_was(house: House, two):
    made = deploy(house, two[0]).json()
    begun = change(house, made, "canary", method="PUT", artifact=two[1], share=0.5)
    assert begun.json()["canary"] == {"artifact": two[1], "share": 0.5, "by": "request"}
    assert set(answers_of(house, made, 40)) == set(two)
    for key in "abcdef":
        assert len(set(answers_of(house, made, 3, X_Engram_Canary_Key=key))) == 1
    assert changes(house, made)[-1]["canary"] == {"artifact": two[1], "share": 0.5}
    promoted = change(house, made, "canary/promote").json()
    assert (promoted["artifact"], promoted["canary"]) == (two[1], None)
    assert set(answers_of(house, made, 8)) == {two[1]}
    back = change(house, made, "rollback").json()
    assert (back["artifact"], back["canary"]) == (two[0], None)


def test_a_canary_that_ended_answers_nobody(house: House, two):
    made = deploy(house, two[0]).json()
    change(house, made, "canary", method="PUT", artifact=two[1], share=0.99, by="user")
    assert len(set(answers_of(house, made, 6))) == 1, "one user gets one artifact"
    assert change(house, made, "canary/end").json()["canary"] is None
    assert set(answers_of(house, made, 8)) == {two[0]}
    assert change(house, made, "canary/end").status_code == 409
    assert change(house, made, "canary", method="PUT", artifact=two[0], share=0.5).status_code == 409
    for share in (0, 1, -0.1, "x"):
        assert change(house, made, "canary", method="PUT", artifact=two[1], share=share).status_code == 422


def test_the_draw_is_fair_and_a_larger_share_keeps_whom_the_smaller_had():
    def chosen(share: float) -> set[int]:
        said = {"canary": {"artifact": "new", "share": share, "by": "request"}}
        one = deployments.Deployment("dp_1", "d", "u", "old", "serving", said, False, 0, 0, 1)
        return {key for key in range(4000) if drawn(one, str(key)) == "new"}

    few, many = chosen(0.1), chosen(0.3)
    assert few < many
    assert abs(len(few) / 4000 - 0.1) < 0.02
    assert abs(len(many) / 4000 - 0.3) < 0.03


def test_an_artifact_that_answers_also_as_a_canary_can_not_be_deleted(house: House, two):
    made = deploy(house, two[0]).json()
    change(house, made, "canary", method="PUT", artifact=two[1], share=0.5)
    for digest in two:
        assert house.ask("ann", "DELETE", f"/artifacts/{digest}").status_code == 409
    change(house, made, "canary/end")
    assert house.ask("ann", "PUT", f"/artifacts/{two[1]}/pin", {"pinned": True}).json()["pinned"]
    assert house.ask("ann", "DELETE", f"/artifacts/{two[1]}").status_code == 409
    house.ask("ann", "PUT", f"/artifacts/{two[1]}/pin", {"pinned": False})
    assert house.ask("ann", "DELETE", f"/artifacts/{two[1]}").status_code == 204
    assert house.ask("ann", "GET", f"/artifacts/{two[1]}").status_code == 404
    assert deploy(house, two[1], "gone").status_code == 404
    with house.here.db.read() as tx:
        assert artifacts.get_artifact(tx, two[1]).deleted


def test_a_deleted_deployment_frees_its_name_and_the_ledger_keeps_it(house: House, two):
    made = deploy(house, two[0], "freed").json()
    assert house.ask("ann", "DELETE", "/deployments/freed", If_Match='"9"').status_code == 412
    assert house.ask("ann", "DELETE", "/deployments/freed", If_Match='"1"').status_code == 204
    assert house.ask("ann", "GET", "/deployments/freed").status_code == 404
    assert changes(house, made)[-1]["state"] == "deleted"
    assert deploy(house, two[1], "freed").status_code == 201


def test_promote_and_rollback_at_once_are_served_one_after_the_other(house: House, two):
    made = deploy(house, two[0]).json()
    change(house, made, "promote", artifact=two[1])
    version = house.ask("ann", "GET", f"/deployments/{made['name']}").json()["version"]
    told: list[int] = []

    def ask(what: str, body: dict) -> None:
        path = f"/deployments/{made['name']}/{what}"
        told.append(house.ask("ann", "POST", path, {"version": version, **body}).status_code)

    threads = [
        threading.Thread(target=ask, args=(("rollback", {}), ("promote", {"artifact": two[0]}))[number % 2])
        for number in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(told) == [200] + [409] * 7
    assert [one["version"] for one in changes(house, made)] == [1, 2, 3]


def test_a_new_core_is_warmed_with_what_is_deployed_and_an_artifact_that_does_not_open_stops_nothing(house: House, two):
    made, other = deploy(house, two[0]).json(), deploy(house, two[1]).json()
    third = house.publish("ann", "third")
    change(house, made, "canary", method="PUT", artifact=third, share=0.5)
    change(house, other, "stop")
    assert {two[0], third} <= set(warm(house.here))
    assert two[1] not in warm(house.here)
    inner = house.core.predict

    def predict(digest, inputs):
        if digest == two[0]:
            raise UserError("It is broken.")
        return inner(digest, inputs)

    house.core.predict = predict
    opened = warm(house.here)
    del house.core.predict
    assert third in opened
    assert two[0] not in opened
