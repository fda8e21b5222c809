"""Commands where a server owns the home: they ask it, show the same and end with the same exit codes."""

from __future__ import annotations

import json
import stat

import pytest
from support.clients import Through
from support.house import open_house

from engram import Client, files
from engram.cli import main
from engram.cli.served_train import written_out
from engram.config.load import load_recipe
from engram.config.shipped import shipped_names
from engram.schema.codec import to_dict
from engram.schema.event import Event
from engram.server.cli_key import keep_cli_key, place_of
from engram.store.ingest import append
from engram.store.pages import Ask
from engram.store.records import attempts, runs, users
from engram.store.records.api_keys import list_keys

MINE = """
format: engram.recipe/1
name: mine-too
kind: language
task: classify
model: {source: "embedded:minilm"}
data:
  sources: [{path: "${ROWS:-rows}.csv", license: own}]
"""


def prefix_of(key):
    return "_".join(key.split("_")[:2])


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_house(tmp_path_factory.mktemp("house")) as one:
        keep_cli_key(one.platform)
        yield one


class Ending(Through):
    """A server whose runs work and end in a state as soon as somebody asks what they say."""

    def __init__(self, house, state, events=(), reason=""):
        super().__init__(house.client)
        self.platform, self.state, self.events, self.reason = house.platform, state, events, reason

    def handle_request(self, request):
        if request.url.path.endswith("/events"):
            self._end(request.url.path.split("/")[-2])
        return super().handle_request(request)

    def _end(self, run):
        with self.platform.db.write() as tx:
            if runs.get_run(tx, run).state not in ("queued", "paused"):
                return
            one = attempts.start_attempt(tx, run, runner="local", seconds=60)
            runs.step_run(tx, run, "running")
            told = [
                Event(run, one.attempt, one.epoch, n, "2026-01-01T00:00:00.000000Z", stage, kind, body)
                for n, (stage, kind, body) in enumerate(self.events)
            ]
            append(tx, attempts.get_attempt(tx, run, one.attempt), told)
            runs.step_run(tx, run, self.state, reason=self.reason)


@pytest.fixture
def command(house, monkeypatch, capsys):
    """Run a command in the house's home, with a server that ends runs as it is told; return code, output, errors."""
    monkeypatch.setenv("ENGRAM_HOME", str(house.platform.home))
    monkeypatch.setattr("engram.client.nouns.runs.LOOK_SECONDS", 0)
    key = place_of(house.platform.home).read_text().strip()

    def run(*arguments, through=None):
        one = Client("http://127.0.0.1:1", key, transport=through or Through(house.client))
        monkeypatch.setattr("engram.cli.served.client_of", lambda home: one)
        code = main.run(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_run_is_queued_by_name_and_shown_as_without_a_server(house, command):
    events = [("data", "note", {"text": "150 rows"}), ("data", "verdict", {"decision": "advance", "failed": []})]
    code, out, _ = command("train", "quickstart", "--set", "train.seed=7", through=Ending(house, "published", events))
    assert code == 0
    assert "150 rows" in out
    assert "gate advance" in out
    run = json.loads(command("runs", "list", "--json")[1])[0]
    assert (run["recipe"], run["state"]) == ("quickstart", "published")
    with house.platform.db.read() as tx:
        assert runs.get_run(tx, run["id"]).body["train"]["seed"] == 7


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("refused", 3, "loss is too high"),
        ("awaiting_review", 4, "loss is too high"),
        ("cancelled", 1, "loss is too high"),
        ("paused", 0, "loss is too high"),
        ("failed_user", 2, "no such column"),
        ("failed_platform", 2, "no such column"),
    ],
)
def test_the_exit_code_is_that_of_a_run_without_a_server(house, command, state, code, said):
    error = ("data", "error", {"type": "UsageError", "message": "no such column", "remedy": "Name one."})
    through = Ending(house, state, [error] if state.startswith("failed") else [], "loss is too high")
    got, _, err = command("train", "quickstart", through=through)
    assert got == code
    assert said in err


def test_a_recipe_of_ones_own_is_sent_as_it_reads_here(house, command, tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("text,label\na,b\n")
    (tmp_path / "mine.yaml").write_text(MINE)
    monkeypatch.setenv("ENGRAM_TRAIN__SEED", "11")
    code, _, err = command(
        "train", str(tmp_path / "mine.yaml"), "--local-test", through=Ending(house, "cancelled", reason="stop")
    )
    assert code == 1, err
    run = json.loads(command("runs", "show", "last", "--json")[1])
    with house.platform.db.read() as tx:
        body = runs.get_run(tx, run["id"]).body
    assert body["data"]["sources"][0]["path"] == str(tmp_path / "rows.csv")
    assert (body["train"]["seed"], body["train"]["max_steps"], body["data"]["limit"]) == (11, 20, 200)
    names = [one["name"] for one in json.loads(command("recipes", "list", "--json")[1])]
    assert "mine-too" in names
    assert "quickstart" in names
    assert "mine-too" in command("recipes", "show", "mine-too")[1]


def test_a_shipped_recipe_that_sees_this_shell_is_saved_under_a_name_of_its_own(house, command, monkeypatch):
    monkeypatch.setenv("ENGRAM_TRAIN__SEED", "5")
    command("train", "quickstart", through=Ending(house, "cancelled", reason="stop"))
    assert json.loads(command("runs", "show", "last", "--json")[1])["recipe"] == "quickstart_local"


@pytest.mark.parametrize("name", shipped_names())
def test_a_recipe_that_is_written_out_is_the_same_recipe(name, tmp_path):
    loaded = load_recipe(name, environment={})
    (tmp_path / "out.yaml").write_text(written_out(loaded))
    again = to_dict(load_recipe(tmp_path / "out.yaml", environment={}).recipe)
    want = to_dict(loaded.recipe)
    assert again.pop("name") == want.pop("name") + "_local"
    for one in (*again["data"].get("sources", ()), *want["data"].get("sources", ())):
        one["path"] = one["path"] and one["path"].rpartition("/")[2]
    assert again == want


def test_a_run_is_watched_paused_resumed_and_cancelled(house, command):
    asked = []

    class Noting(Ending):
        def handle_request(self, request):
            asked.append((request.method, request.url.path.rpartition("/")[2]))
            return super().handle_request(request)

    command("train", "quickstart", through=Ending(house, "paused"))
    code, out, _ = command("runs", "watch", "last", through=Noting(house, "paused"))
    assert code == 0
    assert "is paused" in out
    command("runs", "pause", "last", through=Noting(house, "paused"))
    command("train", "--resume", "last", through=Noting(house, "published"))
    code, out, _ = command("runs", "cancel", "last", through=Noting(house, "paused"))
    assert [one for one in asked if one[0] == "POST"] == [("POST", "pause"), ("POST", "resume"), ("POST", "cancel")]


def test_a_review_is_the_servers_to_take(house, command):
    command("train", "quickstart", through=Ending(house, "awaiting_review"))
    asked = []

    class Noting(Ending):
        def handle_request(self, request):
            if request.method == "POST":
                asked.append((request.url.path.rpartition("/")[2], json.loads(request.content)))
            return super().handle_request(request)

    command("runs", "review", "last", "reject", "--reason", "bad rows", through=Noting(house, "paused"))
    assert asked == [("review", {"decision": "reject", "reason": "bad rows"})]


def test_ctrl_c_ends_the_watching_and_not_the_run(house, command):
    class Impatient(Through):
        def handle_request(self, request):
            if request.url.path.endswith("/events"):
                raise KeyboardInterrupt
            return super().handle_request(request)

    code, out, _ = command("train", "quickstart", through=Impatient(house.client))
    assert code == 130
    assert "goes on. See: engram runs watch" in out
    assert json.loads(command("runs", "show", "last", "--json")[1])["state"] == "queued"


def test_what_a_server_does_not_do_is_refused(command):
    for option in (("--baseline-only",), ("--workers", "2")):
        code, _, err = command("train", "quickstart", *option)
        assert code == 2
        assert option[0] in err


def test_an_artifact_is_deployed_promoted_taken_back_and_asked(house, command):
    one, two = house.deploy("first-one"), house.deploy("second-one")
    assert command("deploy", one, "--as", "tickets")[0] == 0
    assert (
        "version 2" in command("deploy", two.removeprefix("sha256:")[:12], "--as", "tickets", "--reason", "better")[1]
    )
    assert one in command("rollback", "tickets")[1]
    code, out, err = command("predict", "tickets", "hello", "--json")
    assert code == 0, err
    assert json.loads(out)[0]["text"] == "you said hello"
    code, _, err = command("predict", "nothing-there", "hello")
    assert (code, "There is no deployment nothing-there" in err) == (1, True)


@pytest.mark.parametrize("arguments", [("deploy", "last", "--as", "x"), ("rollback", "x")])
def test_without_a_server_a_deployment_says_how_to_start_one(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    assert main.run(list(arguments)) == 1
    assert "Start one with: engram up" in capsys.readouterr().err


def test_the_homes_key_is_its_owners_alone_listed_and_stays_what_it_is(house):
    path = place_of(house.platform.home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    keep_cli_key(house.platform)
    assert path.read_text() == before
    listed = house.call("root", "GET", "/api/v1/keys").json()["items"]
    assert [one["name"] for one in listed if one["prefix"] == prefix_of(before)] == ["engram command line"]


def test_a_key_that_was_revoked_stays_revoked_until_its_file_is_removed(tmp_path):
    with open_house(tmp_path / "home") as house:
        keep_cli_key(house.platform)
        path = place_of(house.platform.home)
        first = path.read_text().strip()
        house.platform.keys.revoke(prefix_of(first), 1)
        keep_cli_key(house.platform)
        assert path.read_text().strip() == first
        headers = {"Authorization": f"Bearer {first}"}
        assert house.client.get("/api/v1/runs", headers=headers).status_code == 401
        path.unlink()
        keep_cli_key(house.platform)
        assert house.client.get("/api/v1/runs", headers=headers).status_code == 401
        headers = {"Authorization": f"Bearer {path.read_text().strip()}"}
        assert house.client.get("/api/v1/users/me", headers=headers).json()["role"] == "admin"
        assert (
            house.client.post("/api/v1/keys", json={"name": "x", "scopes": ["*"]}, headers=headers).status_code == 403
        )


def test_a_key_of_another_home_or_of_an_owner_who_is_gone_is_replaced(tmp_path):
    with open_house(tmp_path / "home") as house:
        path = place_of(house.platform.home)
        files.write_atomic(path, b"egk_000000000000_" + b"A" * 43, mode=0o600)
        keep_cli_key(house.platform)
        second = path.read_text()
        assert "egk_000000000000" not in second
        owner = house.platform.keys.find(prefix_of(second)).user
        with house.platform.db.write() as tx:
            users.change_user(tx, owner, disabled=1)
        keep_cli_key(house.platform)
        assert path.read_text() != second
        with house.platform.db.read() as tx:
            old = [one for one in list_keys(tx, Ask(None)).items if one.prefix == prefix_of(second)]
        assert old[0].revoked is not None
