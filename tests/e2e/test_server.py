"""A run through server, gRPC, core and attempt: queued by REST, judged, certified, deployed, asked, and stopped."""

from __future__ import annotations

import sys

import pytest
from support.home import make_home
from support.served import processes_of, served

from engram import Client
from engram.errors import Conflict, Forbidden, HomeBusy, NotFound, NotSignedIn, Refused, UsageError
from engram.files import home_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose one run is published."""
    home = make_home(tmp_path_factory.mktemp("served"), rows=150)
    with served(home) as one:
        recipe = (home.folder / "toy.yaml").read_text().replace("path: tickets.csv", f"path: {home.folder}/tickets.csv")
        one.call("POST", "/recipes", {"text": recipe}, repeatable=True)
        asked = {"recipe": "toy"}
        one.run = one.call("POST", "/runs", asked, headers={"Idempotency-Key": "first"}, repeatable=True)["id"]
        one.record = one.wait(one.run, "published")
        yield one
    assert processes_of(home.folder) == []


def test_the_run_is_published_with_its_numbers(server):
    assert server.record["artifact"].startswith("sha256:")
    assert {"accuracy", "accuracy_baseline"} <= set(server.record["metrics"])
    assert server.record["flag"] == "Completed"
    assert server.record["attempt"] == 1


def test_the_certificate_verifies_offline(server):
    artifact = server.home.home / "artifacts" / server.record["artifact"].removeprefix("sha256:")
    told = server.home.engram("verify", str(artifact))
    assert told.returncode == 0, told.stdout + told.stderr
    assert server.call("GET", f"/artifacts/{server.record['artifact']}/check")["ok"]


def test_every_event_is_stored_once_and_in_order(server):
    stored = [one["seq"] for one in server.events(server.run)]
    assert stored == list(range(len(stored)))
    lines = (server.home.home / "runs" / server.run / "attempt-1" / "journal.jsonl").read_text().splitlines()
    assert len(stored) == len(lines)


def test_the_same_key_makes_no_second_run_and_another_body_is_refused(server):
    again = server.call("POST", "/runs", {"recipe": "toy"}, headers={"Idempotency-Key": "first"})
    assert again["id"] == server.run
    with pytest.raises(Conflict):
        server.call("POST", "/runs", {"recipe": "toy", "priority": 1}, headers={"Idempotency-Key": "first"})
    assert [one["id"] for one in server.call("GET", "/runs", query={"recipe": "toy"})["items"]] == [server.run]


def test_a_deployment_answers_and_each_change_is_in_the_ledger(server):
    # Advisory: what a load shows on a machine that does other work is nothing that a test may depend on.
    asked = {"name": "tickets", "artifact": server.record["artifact"]}
    made = server.call("POST", "/deployments", asked, query={"simulate": "advisory"})
    report = server.call("GET", f"/runs/{server.run}/reports/deploy")
    assert report["metrics"]["error_rate"]["value"] == 0
    assert report["n"] > 0
    (answer,) = server.call("POST", "/deployments/tickets/predict", {"inputs": ["alpha"]})["answers"]
    assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    with pytest.raises(UsageError):
        server.call("POST", "/deployments/tickets/predict", {"inputs": [{"no": "text"}]})
    with pytest.raises(Refused, match="No other artifact"):
        server.call("POST", "/deployments/tickets/rollback", {"version": made["version"]})
    entries = server.call("GET", "/ledger/entries")["items"]
    changed = [one for one in entries if one["type"] == "deployment.changed"]
    assert [(one["subject"], one["body"]["artifact"]) for one in changed] == [(made["id"], made["artifact"])]
    assert server.home.engram("verify", str(server.home.home / "ledger")).returncode == 0


def test_a_command_in_the_servers_home_asks_the_server(server):
    told = server.home.engram("train", "toy.yaml", "--set", "name=toy_again")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "on the home's server" in told.stdout
    assert "evaluate advance" in told.stdout
    last = server.home.json("runs", "show", "last")
    assert (last["recipe"], last["state"]) == ("toy_again", "published")
    assert server.home.engram("deploy", "last", "--as", "again").returncode == 0
    (answer,) = server.home.json("predict", "again", "alpha")
    assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert (server.home.home / "keys" / "cli.key").stat().st_mode & 0o777 == 0o600


def test_the_library_finds_the_server_of_its_home(server, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(server.home.home))
    with Client() as client:
        assert client.runs.wait(server.run)["artifact"] == server.record["artifact"]
        assert len(list(client.runs.events(server.run))) == len(server.events(server.run))


def test_a_writer_that_is_no_client_is_told_who_owns_the_home(server):
    with pytest.raises(HomeBusy, match="the server"), home_lock(server.home.home, "somebody else"):
        pass


def test_a_run_is_paused_resumed_and_published_and_its_artifact_answers_a_share(server):
    waiting = server.call("POST", "/runs", {"recipe": "toy", "set": ["train.seed=8"]})
    run = waiting["id"]
    server.wait(run, "running")
    server.call("POST", f"/runs/{run}/pause")
    assert server.wait(run, "paused", "published")["state"] == "paused"
    seen = server.call("POST", f"/runs/{run}/resume")
    assert (seen["state"], seen["attempt"]) == ("queued", 1)
    record = server.wait(run, "published")
    assert record["attempt"] == 2
    compared = server.call("GET", "/runs/compare", query={"a": server.run, "b": run})
    assert compared["recipes"]["train.seed"][1] == 8
    assert {one["metric"] for one in compared["metrics"] if one["stage"] == "evaluate"} >= {"accuracy"}
    at = server.call("GET", "/deployments/tickets")
    asked = {"artifact": record["artifact"], "share": 0.5, "version": at["version"]}
    begun = server.call("PUT", "/deployments/tickets/canary", asked, query={"simulate": "advisory"})
    ask = lambda: server.call("POST", "/deployments/tickets/predict", {"inputs": ["alpha"]})["artifact"]  # noqa: E731
    assert {ask() for _ in range(40)} == {server.record["artifact"], record["artifact"]}
    promoted = server.call("POST", "/deployments/tickets/canary/promote", {"version": begun["version"]})
    assert {ask() for _ in range(4)} == {record["artifact"]}
    stopped = server.call("POST", "/deployments/tickets/stop", {"version": promoted["version"]})
    with pytest.raises(Refused, match="stopped"):
        ask()
    server.call("POST", "/deployments/tickets/start", {"version": stopped["version"]})
    assert ask() == record["artifact"]


def test_who_may_not_is_refused_and_sees_nothing(server):
    made = server.make_key("reader", "runs.list")
    with pytest.raises(Forbidden, match="in person"):
        server.call("POST", "/keys", {"name": "another", "scopes": ["*"]})
    for key, error in (("", NotSignedIn), ("egk_000000000000_" + "A" * 43, NotSignedIn), (made["key"], Forbidden)):
        before, server.key = server.key, key
        try:
            with pytest.raises(error):
                server.call("GET", "/artifacts")
        finally:
            server.key = before
    server.call("DELETE", f"/keys/{made['prefix']}")
    with pytest.raises(NotFound):
        server.call("GET", "/runs/r_00000000000000000000000000")


def test_a_recipe_sees_nothing_of_the_servers_environment(server):
    text = "format: engram.recipe/1\nname: sly\ntitle: ${ENGRAM_HOME}\nkind: language\ntask: classify\n"
    with pytest.raises(UsageError, match="ENGRAM_HOME"):
        server.call("POST", "/recipes", {"text": text})


def test_the_command_line_brings_data_and_registers_a_template_by_the_server(server):
    made = server.home.json("data", "add", "tickets.csv", "--name", "mails", "--license", "own")
    assert "mails" in [one["name"] for one in server.home.json("data", "list")]
    assert server.home.json("data", "show", "mails")["digest"] == made["digest"]
    asked = ["--kind", "language", "--task", "classify", "--source", "embedded:minilm", "--dataset", "mails"]
    template = server.home.json("template", "register", "mine", *asked)
    assert template["dataset"] == made["digest"]
    place = str(server.home.folder / "template.json")
    assert server.home.json("template", "show", "mine", "--certificate", place)["id"] == template["id"]
    assert server.home.json("verify", place)["verified"]
