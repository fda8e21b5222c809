"""`engram users`, `keys`, `settings` and `policy` as a person types them, against a real application."""

from __future__ import annotations

import json

import pytest
from support.people import PASSWORD, URL, Wire, people

from engram.cli import house as cli_house
from engram.cli.main import run
from engram.client.api import Api
from engram.security.limits import DEFAULT_BUDGETS, make_limits
from engram.server.cli_key import keep_cli_key


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with people(tmp_path_factory.mktemp("commands")) as one:
        budgets = {**DEFAULT_BUDGETS, "sessions.sign_in": "1000/minute"}  # most commands here sign in
        one.platform.limits = make_limits(budgets)
        yield one


@pytest.fixture
def typed(house, monkeypatch, capsys):
    """Type a command as the Admin; return its exit code, what it printed, and what was asked at the terminal."""
    asked = []
    monkeypatch.setenv("ENGRAM_URL", URL)
    monkeypatch.setenv("ENGRAM_USER", "root")
    monkeypatch.delenv("ENGRAM_API_KEY", raising=False)
    monkeypatch.setattr(cli_house, "make_api", lambda url, key: Api(url, key, transport=Wire(house.client)))
    answers = {"Password: ": PASSWORD}
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or answers[prompt])
    house.forget_tries()

    def type_(*words, **more):
        answers.update(more.get("answers", {}))
        asked.clear()
        code = run(words)
        said = capsys.readouterr()
        return code, said.out, said.err, list(asked)

    return type_


def living(house):
    return house.call("root", "GET", f"/sessions?user={house.ids['root']}&limit=200").json()["items"]


def test_a_user_is_added_listed_given_a_role_reset_and_kept_out(house, typed):
    code, out, _, asked = typed("users", "add", "Cleo", "viewer", "--json")
    made = json.loads(out)
    assert (code, made["role"], asked) == (0, "viewer", ["Password: "]) and made["password"]
    assert typed("users", "role", "cleo", "developer")[1] == "cleo is developer now.\n"
    assert "cleo" in typed("users", "list", "--role", "developer")[1]
    code, out, _, _ = typed("users", "reset", made["id"])
    assert code == 0 and "shown once" in out and made["password"] not in out
    assert typed("users", "disable", "cleo")[1] == "cleo is kept out.\n"
    assert typed("users", "disable", "cleo", "--undo")[1] == "cleo may come in again.\n"
    code, _, err, _ = typed("users", "role", "nobody", "viewer")
    assert code == 1 and "There is no user 'nobody'" in err


def test_the_sign_in_of_a_command_ends_with_it(house, typed):
    house.token("root")
    before = {one["id"] for one in living(house)}
    typed("users", "list")
    assert {one["id"] for one in living(house)} == before


def test_a_wrong_password_fails_in_words_and_no_word_repeats_it(typed):
    code, out, err, _ = typed("users", "list", answers={"Password: ": "wrong-secret"})
    assert code == 1 and "Name or password is wrong" in err
    assert "wrong-secret" not in out + err


def test_one_s_own_password_is_changed(house, typed, monkeypatch):
    house.add("kim", "developer")
    monkeypatch.setenv("ENGRAM_USER", "kim")
    said = {"Present password again: ": PASSWORD, "New password: ": "quite another one 8"}
    code, out, err, _ = typed("users", "password", answers=said)
    assert (code, out) == (0, "Your password is changed.\n"), err
    assert house.sign_in("kim").status_code == 401
    assert house.sign_in("kim", "quite another one 8").status_code == 201


def test_a_key_is_made_used_listed_and_revoked(house, typed, monkeypatch):
    code, out, err, asked = typed("keys", "make", "ci", "--scope", "settings.read", "--scope", "keys.*", "--json")
    made = json.loads(out)
    assert (code, asked, made["scopes"]) == (0, ["Password: "], ["keys.*", "settings.read"]), err
    monkeypatch.setenv("ENGRAM_API_KEY", made["key"])
    code, out, _, asked = typed("settings", "get", "policy.hub")
    assert (code, asked) == (0, []) and '["*"]' in out
    code, out, _, _ = typed("keys", "list")
    assert made["prefix"] in out and made["key"] not in out
    code, _, err, asked = typed("users", "list")
    assert code == 1 and "scope" in err and asked == []
    assert typed("keys", "revoke", made["prefix"])[0] == 0
    assert typed("keys", "list")[0] == 1


def test_a_role_is_made_given_changed_and_removed(house, typed):
    code, out, err, asked = typed("roles", "make", "reader", "runs.list=any", "runs.read=any")
    assert (code, out, asked) == (0, "reader may runs.list=any, runs.read=any.\n", ["Password: "]), err
    house.add("dora", "developer")
    assert typed("users", "role", "dora", "reader")[1] == "dora is reader now.\n"
    assert house.call("dora", "GET", "/runs").status_code == 200
    assert house.call("dora", "GET", "/deployments").status_code == 403
    code, out, _, _ = typed("roles", "change", "reader", "deployments.list=own")
    assert (code, out) == (0, "reader may deployments.list=own.\n")
    assert house.call("dora", "GET", "/runs").status_code == 403
    assert "deployments.list=own" in typed("roles", "list")[1]
    code, _, err, _ = typed("roles", "remove", "reader")
    assert code == 1 and "reader" in err, "somebody has it"
    typed("users", "role", "dora", "viewer")
    assert typed("roles", "remove", "reader")[1] == "There is no role reader any more.\n"
    assert json.loads(typed("roles", "list", "--json")[1]) == []
    code, _, err, _ = typed("roles", "make", "odd", "runs.list")
    assert code == 2 and "runs.list=any" in err
    assert typed("roles", "make", "odd", "runs.lst=any")[0] == 2


def test_the_audit_is_read_exported_and_proven(house, typed, tmp_path):
    typed("users", "list")
    lines = json.loads(typed("audit", "list", "--operation", "users.list", "--limit", "1", "--json")[1])
    assert [(one["operation"], one["actor"]) for one in lines] == [("users.list", house.ids["root"])]
    assert "users.list" in typed("audit", "list")[1]
    file = tmp_path / "audit.csv"
    code, out, _, _ = typed("audit", "export", str(file), "--operation", "users.list")
    assert (code, out) == (0, f"Written: {file}\n")
    assert file.read_text().splitlines()[0].startswith("id,time,actor")
    assert "users.list" in file.read_text().splitlines()[1]
    assert typed("audit", "export", str(file))[0] == 1, "nothing is overwritten"
    code, out, _, _ = typed("audit", "check")
    assert code == 0 and "lines are as they were written: sha256:" in out


def test_a_setting_is_read_and_changed(house, typed):
    code, out, _, _ = typed("settings", "set", "train.max_seq_length", "1024")
    assert (code, out) == (0, "train.max_seq_length  8192 → 1024\n")
    assert house.platform.setting("train.max_seq_length") == 1024
    assert typed("settings", "set", "limits.per_user", "900/minute")[0] == 0
    code, _, err, _ = typed("settings", "set", "train.max_seq_length", "five")
    assert code == 2 and "is no JSON" in err
    code, _, err, _ = typed("settings", "set", "train.max_seq_length", "5")
    assert code == 2 and "from 16 to" in err
    code, _, err, _ = typed("settings", "get", "train.max_seq_lenght")
    assert code == 2 and "Did you mean 'train.max_seq_length'?" in err
    shown = json.loads(typed("settings", "list", "--json")[1])
    assert {one["name"]: one["value"] for one in shown}["train.max_seq_length"] == 1024


def test_the_policy_is_shown_as_a_table(typed):
    code, out, _, _ = typed("policy", "settings")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0 and lines[0][:4] == ["operation", "admin", "developer", "viewer"]
    assert ["settings.write", "any", "–", "–"] in [line[:4] for line in lines]
    assert all(line[0].startswith("settings.") for line in lines[1:])


def test_on_the_server_s_own_machine_the_home_s_key_is_enough_for_what_keys_may_do(house, typed, monkeypatch):
    keep_cli_key(house.platform)
    (house.platform.home / "server.json").write_text(json.dumps({"url": URL}))
    monkeypatch.setenv("ENGRAM_HOME", str(house.platform.home))
    monkeypatch.delenv("ENGRAM_URL")
    code, out, err, asked = typed("users", "list")
    assert (code, asked) == (0, []) and "root" in out, err
    assert typed("users", "role", "bob", "developer")[3] == ["Password: "]


def test_without_a_server_the_command_says_how_to_get_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    monkeypatch.delenv("ENGRAM_URL", raising=False)
    assert run(["users", "list"]) == 2
    assert "engram up" in capsys.readouterr().err


def test_no_password_goes_in_clear_to_another_machine(monkeypatch, capsys):
    monkeypatch.setenv("ENGRAM_URL", "http://engram.example.org")
    assert run(["users", "list"]) == 2
    assert "plain http" in capsys.readouterr().err


def test_the_server_of_the_home_is_found_by_its_note(tmp_path, monkeypatch):
    (tmp_path / "server.json").write_text('{"url": "http://127.0.0.1:4321"}')
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    monkeypatch.delenv("ENGRAM_URL", raising=False)
    assert cli_house.address() == "http://127.0.0.1:4321"
