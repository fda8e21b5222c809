"""`engram ledger consistency`: whoever kept a checkpoint learns whether the ledger only grew."""

import pytest

from engram.cli.main import run
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def grow(home, folder, entries):
    ledger = Ledger.open(folder, load_or_create_signer(home / "keys"))
    for number in range(entries):
        ledger.append("run.declared", f"r_{number}", {"n": number})
    return ledger


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7])
def test_a_ledger_that_grew_continues_every_checkpoint_of_its_past(home, tmp_path, capsys, size):
    ledger = grow(home, home / "ledger", size)
    held = tmp_path / "held"
    held.write_bytes(ledger.checkpoint)
    grow(home, home / "ledger", 5)
    assert run(["ledger", "consistency", str(held)]) == 0
    assert f"{size} → {size + 5}" in capsys.readouterr().out


def test_a_ledger_that_was_begun_anew_does_not(home, tmp_path, capsys):
    held = tmp_path / "held"
    held.write_bytes(grow(home, tmp_path / "elsewhere", 4).checkpoint)
    ledger = Ledger.open(home / "ledger", load_or_create_signer(home / "keys"))
    ledger.append("home.created", "another", {})
    for number in range(6):
        ledger.append("run.declared", f"r_{number}", {"n": number})
    assert run(["ledger", "consistency", str(held)]) == 1
    assert "NOT CONSISTENT" in capsys.readouterr().out


def test_a_shorter_ledger_does_not(home, tmp_path, capsys):
    held = tmp_path / "held"
    held.write_bytes(grow(home, tmp_path / "elsewhere", 4).checkpoint)
    grow(home, home / "ledger", 2)
    assert run(["ledger", "consistency", str(held)]) == 1


def test_a_checkpoint_of_another_signer_is_refused(home, tmp_path, capsys):
    held = tmp_path / "held"
    held.write_bytes(grow(tmp_path / "stranger", tmp_path / "stranger" / "ledger", 2).checkpoint)
    grow(home, home / "ledger", 3)
    assert run(["ledger", "consistency", str(held)]) == 1
