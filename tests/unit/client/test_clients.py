"""Every operation of the SDK, by both clients, before an application in this process."""

from __future__ import annotations

import inspect
import json
import re

import httpx
import pytest
from support.clients import Awaited, Plain, Through
from support.house import open_house

from engram import Client, errors, files
from engram.client.clients import place_and_key
from engram.client.nouns.noun import Noun
from engram.schema.event import Event
from engram.store.ingest import append
from engram.store.records import attempts, runs


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_house(tmp_path_factory.mktemp("house")) as one:
        one.digest = one.deploy("echo")
        yield one


@pytest.fixture(params=[Plain, Awaited], ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture
def sdk(kind, house):
    return kind(house)


def test_a_run_is_queued_read_listed_and_cancelled(sdk):
    run = sdk.do(lambda client: client.runs.create("quickstart", set=["train.seed=7"], priority=3))
    assert (run["state"], run["priority"]) == ("queued", 3)
    assert sdk.do(lambda client: client.runs.get(run["id"]))["recipe"] == "quickstart"
    assert run["id"] in [one["id"] for one in sdk.items(lambda client: client.runs.list(state="queued"))]
    assert sdk.do(lambda client: client.runs.cancel(run["id"]))["state"] == "cancelled"
    assert sdk.do(lambda client: client.runs.wait(run["id"]))["state"] == "cancelled"
    assert sdk.items(lambda client: client.runs.events(run["id"])) == []


def test_what_a_run_says_is_followed_until_it_rests(sdk, house):
    run = sdk.do(lambda client: client.runs.create("quickstart"))["id"]
    with house.platform.db.write() as tx:
        one = attempts.start_attempt(tx, run, runner="local", seconds=60)
        runs.step_run(tx, run, "running")
        said = [
            Event(run, one.attempt, one.epoch, n, "2026-01-01T00:00:00.000000Z", "data", "note", {"text": str(n)})
            for n in range(3)
        ]
        append(tx, attempts.get_attempt(tx, run, one.attempt), said)
    first = sdk.items(lambda client: client.runs.events(run, follow=False))
    assert [event["body"]["text"] for event in first] == ["0", "1", "2"]
    with house.platform.db.write() as tx:
        runs.step_run(tx, run, "failed_user", reason="so be it")
    rest = sdk.items(lambda client: client.runs.events(run, after=first[0]["cursor"]))
    assert [event["body"]["text"] for event in rest] == ["1", "2"]


def test_lists_go_on_over_every_page(sdk, monkeypatch):
    monkeypatch.setattr("engram.client.nouns.noun.PAGE", 2)
    made = {sdk.do(lambda client: client.runs.create("quickstart"))["id"] for _ in range(5)}
    assert made <= {one["id"] for one in sdk.items(lambda client: client.runs.list())}


def test_recipes_are_read_and_saved(sdk, kind):
    names = [one["name"] for one in sdk.items(lambda client: client.recipes.list())]
    assert "quickstart" in names
    text = sdk.do(lambda client: client.recipes.get("quickstart"))["text"]
    text = text.replace("name: quickstart", f"name: mine_{kind.name}")
    assert sdk.do(lambda client: client.recipes.save(text))["number"] == 1
    with pytest.raises(errors.Conflict):
        sdk.do(lambda client: client.recipes.save(text + "\n# more\n", after=0))


def test_a_deployment_is_made_asked_changed_and_taken_back(house, kind):
    name, sdk = f"of-{kind.name}", kind(house, "root")
    made = {"simulate": "advisory"}  # the tests' own machine may be busy
    other = house.deploy(f"other-{kind.name}")
    assert sdk.do(lambda client: client.deployments.create(name, house.digest, **made))["artifact"] == house.digest
    assert name in [one["name"] for one in sdk.items(lambda client: client.deployments.list())]
    assert sdk.do(lambda client: client.deployments.promote(name, other, reason="better", **made))["artifact"] == other
    assert sdk.do(lambda client: client.deployments.rollback(name))["artifact"] == house.digest
    assert len(sdk.do(lambda client: client.deployments.get(name))["history"]) == 3
    with pytest.raises(errors.Changed):
        sdk.do(lambda client: client.deployments.rollback(name, version=1))
    (answer,) = sdk.do(lambda client: client.deployments.predict(name, ["hi"], max_new_tokens=2, stop=["x"]))
    assert (answer["text"], answer["finish_reason"]) == ("you said", "length")
    with pytest.raises(errors.UsageError, match="at most 1"):
        sdk.do(lambda client: client.deployments.predict(name, ["hi"], max_input_tokens=1))


def test_an_answer_is_heard_while_it_is_written(sdk):
    said = sdk.items(lambda client: client.deployments.stream("echo", ["hi"]))
    assert [one.get("piece") for one in said] == ["you", " said", " hi", None]
    assert said[-1]["answer"]["text"] == "you said hi"
    with pytest.raises(errors.UsageError, match="at most 1"):
        sdk.items(lambda client: client.deployments.stream("echo", ["hi"], max_input_tokens=1))


def test_an_artifact_comes_whole_or_not_at_all(sdk, house, tmp_path):
    digest = house.digest
    place = house.platform.home / "artifacts" / digest.removeprefix("sha256:")
    files.write_json(place / "certificate.json", {"a": 1})
    assert sdk.do(lambda client: client.artifacts.get(digest))["digest"] == digest
    assert digest in [one["digest"] for one in sdk.items(lambda client: client.artifacts.list(kind="language"))]
    assert sdk.do(lambda client: client.artifacts.certificate(digest)) == {"a": 1}
    assert sdk.do(lambda client: client.artifacts.check(digest))["ok"]
    got = sdk.do(lambda client: client.artifacts.download(digest, tmp_path / "got"))
    assert {path.name: path.read_bytes() for path in got.iterdir()} == {
        path.name: path.read_bytes() for path in place.iterdir()
    }
    with pytest.raises(errors.Conflict):
        sdk.do(lambda client: client.artifacts.download(digest, tmp_path / "got"))
    labels = (place / "labels.json").read_bytes()
    (place / "labels.json").write_bytes(b'["c", "d"]')
    try:
        with pytest.raises(errors.VerificationFailed, match=r"labels\.json"):
            sdk.do(lambda client: client.artifacts.download(digest, tmp_path / "bad"))
    finally:
        (place / "labels.json").write_bytes(labels)
    assert [path.name for path in tmp_path.iterdir()] == ["got"]


@pytest.mark.parametrize(
    "path", ["../../keys/ledger.key", "..%2f..%2fkeys%2fledger.key", "%2e%2e/x", "/etc/passwd", "nothing", "a\\b"]
)
def test_no_path_leads_out_of_an_artifact(house, path):
    told = house.call("ann", "GET", f"/api/v1/artifacts/{house.digest}/files/{path}")
    assert told.status_code == 404, told.text


def test_the_ledger_is_read_and_proven(sdk, monkeypatch):
    monkeypatch.setattr("engram.client.nouns.ledger.PAGE", 1)
    entries = sdk.items(lambda client: client.ledger.entries())
    assert [one["index"] for one in entries] == list(range(len(entries)))
    assert sdk.do(lambda client: client.ledger.checkpoint()).startswith("engram")
    assert sdk.do(lambda client: client.ledger.proof(0))["index"] == 0


def test_keys_are_listed_and_revoked_and_make_no_keys(sdk, house):
    assert sdk.do(lambda client: client.keys.me())["role"] == "developer"
    prefixes = [one["prefix"] for one in sdk.items(lambda client: client.keys.list())]
    assert prefixes == ["_".join(house.keys["ann"].split("_")[:2])]
    with pytest.raises(errors.Forbidden, match="in person"):
        sdk.do(lambda client: client.keys.create("more", ["*"]))
    with pytest.raises(errors.NotFound):
        sdk.do(lambda client: client.keys.revoke("egk_000000000000"))


class Elsewhere:
    """A server with the routes of uploads and of commands, which loses answers where it is told to."""

    def __init__(self, content):
        self.whole, self.got, self.asked, self.lost = content, b"", [], set()
        self.upload = None

    def __call__(self, request):
        path, method = request.url.path, request.method
        self.asked.append((method, path))
        if path == "/api/v1/uploads" and method == "GET":
            return httpx.Response(200, json={"items": [self._shown()] if self.upload else [], "next": None})
        if path == "/api/v1/uploads":
            assert request.headers["idempotency-key"]
            self.upload = json.loads(request.content)
            return httpx.Response(201, json=self._shown())
        if method == "PATCH":
            offset = int(request.headers["upload-offset"])
            if offset != len(self.got):
                return self._problem(409, "Conflict")
            self.got += request.content
            if len(self.got) in self.lost:
                self.lost.discard(len(self.got))
                raise httpx.ReadError("the line was cut")
            return httpx.Response(200, json=self._shown())
        if path.endswith("/finish"):
            return httpx.Response(200, json={"id": "up_1", "dataset": {"id": "d_1", **json.loads(request.content)}})
        if found := re.fullmatch(r"/api/v1/runs/r_1/(pause|resume|review)", path):
            return httpx.Response(200, json={"command": found[1], "body": json.loads(request.content or b"null")})
        if path.startswith("/api/v1/templates"):
            if method == "POST":
                return httpx.Response(201, json={"id": "t_1", **json.loads(request.content)})
            one = {"id": "t_1"} if path.endswith("t_1") else {"dsse": path} if "certificate" in path else None
            return httpx.Response(200, json=one or {"items": [{"id": "t_1"}], "next": None})
        if path.startswith("/api/v1/datasets"):
            one = {"id": "d_1"}
            return httpx.Response(200, json=one if path.endswith("d_1") else {"items": [one], "next": None})
        return httpx.Response(200, json=self._shown())

    def _shown(self):
        return {"id": "up_1", "state": "open", "received": len(self.got), **self.upload}

    def _problem(self, status, error):
        said = {"error": error, "detail": "no"}
        return httpx.Response(status, json=said, headers={"content-type": "application/problem+json"})


@pytest.fixture
def elsewhere(house, kind):
    server = Elsewhere(b"abcdefghij" * 7)
    return server, kind(house, transport=httpx.MockTransport(server))


def test_a_file_is_sent_in_pieces_and_gone_on_with_where_it_broke_off(elsewhere, tmp_path, monkeypatch):
    server, sdk = elsewhere
    monkeypatch.setattr("engram.client.nouns.datasets.PIECE_BYTES", 16)
    monkeypatch.setattr("engram.client.nouns.datasets.WAIT_SECONDS", 0)
    (tmp_path / "rows.csv").write_bytes(server.whole)
    server.lost = {32}
    made = sdk.do(lambda client: client.datasets.upload(tmp_path / "rows.csv", license="own"))
    assert server.got == server.whole
    assert made == {"id": "d_1", "name": "rows", "license": "own", "format": "auto"}
    assert server.upload["digest"] == files.sha256_bytes(server.whole)
    assert sum(method == "PATCH" for method, _ in server.asked) == 5


def test_a_file_becomes_a_dataset_of_the_server(sdk, kind, tmp_path):
    (tmp_path / f"of-{kind.name}.csv").write_text("text,label\nhello,a\nbye,b\n" + f"{kind.name},a\n")
    made = sdk.do(lambda client: client.datasets.upload(tmp_path / f"of-{kind.name}.csv", license="own"))
    assert (made["rows"], made["license"]) == (3, "own")
    assert made["id"] in [one["id"] for one in sdk.items(lambda client: client.datasets.list())]
    assert sdk.do(lambda client: client.datasets.get(made["id"]))["digest"] == made["digest"]
    again = sdk.do(lambda client: client.datasets.upload(tmp_path / f"of-{kind.name}.csv", license="own"))
    assert again["digest"] == made["digest"]


def test_a_file_that_was_begun_before_is_not_sent_again(elsewhere, tmp_path):
    server, sdk = elsewhere
    (tmp_path / "rows.csv").write_bytes(server.whole)
    server.upload = {"purpose": "dataset", "name": "x", "size": 70, "digest": files.sha256_bytes(server.whole)}
    server.got = server.whole[:69]
    sdk.do(lambda client: client.datasets.upload(tmp_path / "rows.csv"))
    assert server.got == server.whole
    assert ("POST", "/api/v1/uploads") not in server.asked
    with pytest.raises(errors.NotFound):
        sdk.do(lambda client: client.datasets.upload(tmp_path / "nothing.csv"))


def test_templates_have_their_paths(elsewhere):
    _, sdk = elsewhere
    assert sdk.items(lambda client: client.templates.list()) == [sdk.do(lambda client: client.templates.get("t_1"))]
    made = sdk.do(lambda client: client.templates.register("mine", "language", "embedded:minilm", sample="x"))
    assert made == {"id": "t_1", "name": "mine", "kind": "language", "source": "embedded:minilm", "sample": "x"}
    found = sdk.do(lambda client: client.templates.certificate("t_1"))
    assert found == {"dsse": "/api/v1/templates/t_1/certificate"}


def test_datasets_and_commands_have_their_paths(elsewhere):
    _, sdk = elsewhere
    assert sdk.items(lambda client: client.datasets.list()) == [sdk.do(lambda client: client.datasets.get("d_1"))]
    assert sdk.do(lambda client: client.runs.pause("r_1"))["command"] == "pause"
    assert sdk.do(lambda client: client.runs.resume("r_1"))["command"] == "resume"
    said = sdk.do(lambda client: client.runs.review("r_1", "approve", "looked at it"))
    assert said == {"command": "review", "body": {"decision": "approve", "reason": "looked at it"}}


def test_what_makes_something_is_sent_again_under_one_key_and_happens_once(house, monkeypatch):
    through = Through(house.client)
    answer, broken = through.handle_request, []

    def losing(request):
        got = answer(request)
        if request.method == "POST" and not broken:
            broken.append(request)
            raise httpx.ReadError("the line was cut")
        return got

    monkeypatch.setattr(through, "handle_request", losing)
    client = Client("http://127.0.0.1:1", house.keys["ann"], transport=through)
    before = len(list(client.runs.list()))
    client.runs.create("quickstart")
    assert len(list(client.runs.list())) == before + 1
    keys = {one.headers["idempotency-key"] for one in through.asked if one.method == "POST"}
    assert len(keys) == 1


def test_what_may_not_happen_twice_is_not_sent_again(house):
    def cut(request):
        asked.append(request.method)
        if request.method == "POST":
            raise httpx.ReadError("the line was cut")
        return httpx.Response(200, json={"version": 1})

    asked = []
    client = Client("http://127.0.0.1:1", house.keys["ann"], transport=httpx.MockTransport(cut))
    with pytest.raises(errors.ServerAway, match="cut"):
        client.deployments.promote("echo", "sha256:0")
    assert asked == ["GET", "POST"]


def test_each_operation_of_each_noun_is_tested_here():
    source = inspect.getsource(inspect.getmodule(test_each_operation_of_each_noun_is_tested_here))
    client = Client("http://127.0.0.1:1", "egk_x")
    nouns = {name: noun for name, noun in vars(client).items() if isinstance(noun, Noun)}
    operations = [f"{name}.{verb}" for name, noun in nouns.items() for verb in vars(type(noun)) if verb[0] != "_"]
    assert len(operations) >= 30
    assert [one for one in operations if f"client.{one}(" not in source] == []


def test_place_and_key_are_given_or_of_the_environment_or_of_the_home(tmp_path):
    home = {"ENGRAM_HOME": str(tmp_path)}
    with pytest.raises(errors.ServerAway, match="no server"):
        place_and_key(None, None, home)
    files.write_json(tmp_path / "server.json", {"url": "http://127.0.0.1:9"})
    with pytest.raises(errors.NotSignedIn):
        place_and_key(None, None, home)
    files.write_atomic(tmp_path / "keys" / "cli.key", b"egk_home\n", mode=0o600)
    assert place_and_key(None, None, home) == ("http://127.0.0.1:9", "egk_home")
    assert place_and_key(None, None, {**home, "ENGRAM_API_KEY": "egk_env"}) == ("http://127.0.0.1:9", "egk_env")
    assert place_and_key("http://a", "b", {**home, "ENGRAM_URL": "http://c"}) == ("http://a", "b")
    with pytest.raises(errors.NotSignedIn):
        place_and_key("http://elsewhere", None, home)
    with pytest.raises(errors.NotSignedIn):
        place_and_key(None, None, {**home, "ENGRAM_URL": "http://elsewhere"})
