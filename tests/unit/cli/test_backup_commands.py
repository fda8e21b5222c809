"""`engram backup`, `restore`, `upgrade` and `gc`, as users run them."""

from __future__ import annotations

import json
import sys

import pytest
from support.stored import LOST, contents, fill

from engram.cli.main import run
from engram.files import home_lock


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ENGRAM_DATABASE_URL", raising=False)
    return fill(tmp_path / "home")


def said(capsys, *arguments):
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_backup_is_restored_into_a_new_home(home, tmp_path, capsys, monkeypatch):
    made = said(capsys, "backup", str(tmp_path / "saved"))
    assert made["secret"] is False
    assert made["files"] > 5
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "back"))
    back = said(capsys, "restore", str(tmp_path / "saved"), "--key", str(home / "keys" / "ledger.pub"))
    assert back["files"] == made["files"]
    assert back["can_sign"] is False
    assert run(["restore", str(tmp_path / "saved")]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_words_say_what_a_backup_holds_and_what_a_home_lacks(home, tmp_path, capsys, monkeypatch):
    assert run(["backup", str(tmp_path / "plain")]) == 0
    assert "without private keys" in capsys.readouterr().out
    assert run(["backup", "--keys", str(tmp_path / "saved")]) == 0
    assert "guard it" in capsys.readouterr().out
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "back"))
    assert run(["restore", str(tmp_path / "plain")]) == 0
    assert "no private key" in capsys.readouterr().out


def test_a_backup_that_can_not_be_made_is_told_with_exit_2(home, capsys):
    assert run(["backup", str(home)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_gc_says_first_and_removes_then(home, capsys):
    before = contents(home)
    planned = said(capsys, "gc", "--dry-run")
    assert planned["dry_run"] is True
    assert f"artifacts/{LOST}" in {item["path"] for item in planned["items"]}
    assert {path: digest for path, digest in contents(home).items() if path != "lock"} == before
    done = said(capsys, "gc")
    assert done["items"] == planned["items"]
    assert done["bytes"] == planned["bytes"] > 0
    assert not (home / "artifacts" / LOST).exists()
    assert run(["gc"]) == 0
    assert "0 things, 0 bytes are gone" in capsys.readouterr().out


def test_gc_and_upgrade_wait_for_nobody_who_works_in_the_home(home, capsys):
    with home_lock(home, "a training"):
        for command in ("gc", "upgrade"):
            assert run([command]) == 1
            assert "in use by a training" in capsys.readouterr().err
        assert run(["gc", "--dry-run"]) == 0


def test_upgrade_of_a_home_of_this_release_has_nothing_to_do(home, capsys):
    done = said(capsys, "upgrade")
    assert (done["before"], done["after"], done["applied"], done["backup"]) == ("0001", "0001", [], None)
    assert run(["upgrade"]) == 0
    assert "Nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("backup", "x"), ("restore", "x"), ("upgrade",), ("gc",)])
def test_without_the_server_extra_the_command_says_how_to_get_it(home, capsys, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    assert run(list(arguments)) == 1
    assert ".[server]" in capsys.readouterr().err
