"""`engram verify` and `engram ledger`: what they print, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from certified import make_home, make_signer, write_files

from engram.cli.main import run
from engram.ledger.encoding import to_base64

KEY = make_signer().key


@pytest.fixture
def vkey(tmp_path: Path) -> str:
    (tmp_path / "signer.pub").write_text(KEY.vkey + "\n")
    return str(tmp_path / "signer.pub")


def test_the_command_ends_verified(tmp_path: Path, vkey: str, capsys: pytest.CaptureFixture[str]):
    home = make_home(tmp_path)
    for path in (home.artifact, home.artifact / "certificate.json", tmp_path / "ledger"):
        assert run(["verify", str(path), "--key", vkey]) == 0
        assert capsys.readouterr().out.endswith("VERIFIED\n")
    assert run(["verify", str(home.artifact), "--key", KEY.vkey]) == 0


@pytest.mark.parametrize(
    ("place", "name"),
    [("artifact", "model.safetensors"), ("artifact", "certificate.json"), ("ledger", "entries.jsonl, index 0")],
)
def test_the_command_names_what_is_wrong_and_ends_with_1(
    tmp_path: Path, vkey: str, capsys: pytest.CaptureFixture[str], place: str, name: str
):
    home = make_home(tmp_path)
    folder = home.artifact if place == "artifact" else tmp_path / "ledger"
    file = folder / name.split(",")[0]
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    assert run(["verify", str(folder), "--key", vkey]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"FAILED: {name}")
    assert run(["verify", str(folder), "--key", vkey, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["verified"] is False and said["first_failure"]["name"].startswith(name)


def test_without_a_key_the_home_s_own_is_used_and_said(
    tmp_path: Path, vkey: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    home = make_home(tmp_path)
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    assert run(["verify", str(home.artifact)]) == 1
    assert "--key" in capsys.readouterr().err
    write_files(tmp_path, {"keys/ledger.pub": Path(vkey).read_bytes()})
    assert run(["verify", str(home.artifact)]) == 0
    assert "of this home" in capsys.readouterr().out


def test_a_foreign_name_can_not_steer_the_terminal(tmp_path: Path, vkey: str, capsys: pytest.CaptureFixture[str]):
    artifact = make_home(tmp_path).artifact
    write_files(artifact, {"\x1b[2J\u202eevil": b"x"})
    assert run(["verify", str(artifact), "--key", vkey]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\u202e" not in out and "\\x1b[2J" in out


@pytest.mark.parametrize("arguments", [["nothing-here"], ["."], ["certificate", "--checkpoint", "x"]])
def test_what_can_not_be_verified_is_an_error_in_words(
    tmp_path: Path, vkey: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    empty = tmp_path / "empty"
    write_files(empty, {"certificate": b"{}", "x": b""})
    monkeypatch.chdir(empty)
    assert run(["verify", *arguments, "--key", vkey]) in (1, 2)
    assert capsys.readouterr().err.startswith("error: ")


def test_the_ledger_commands_show_and_prove(
    tmp_path: Path, vkey: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    home = make_home(tmp_path, before=2)
    write_files(tmp_path, {"keys/ledger.pub": Path(vkey).read_bytes()})
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))

    def ask(*arguments: str) -> Any:
        assert run(["ledger", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert [entry["index"] for entry in ask("log", "--last", "2")] == [1, 2]
    assert ask("show", "2")["subject"] == f"sha256:{home.artifact.name}"
    assert ask("prove", "2")["proof"] == [to_base64(step) for step in home.ledger.inclusion_proof(2)]
    assert ask("checkpoint") == {"size": 3, "key": KEY.vkey, "note": home.ledger.checkpoint.decode()}
    assert ask("verify")["verified"] is True
    assert run(["ledger", "show", "3"]) == 1
    assert "holds 3" in capsys.readouterr().err
    assert run(["ledger", "checkpoint"]) == 0
    (tmp_path / "held").write_text(capsys.readouterr().out)
    assert run(["ledger", "verify", "--checkpoint", str(tmp_path / "held")]) == 0
    (tmp_path / "ledger" / "leaves.bin").write_bytes(b"")
    assert run(["ledger", "verify"]) == 1
    assert "FAILED: leaves.bin, index 0" in capsys.readouterr().out


def test_verify_needs_neither_torch_nor_network_nor_home(tmp_path: Path, vkey: str):
    artifact = make_home(tmp_path).artifact
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('no network')\n"
        "socket.socket = socket.create_connection = refuse\n"
        "from engram.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "heavy = {'torch', 'transformers', 'numpy', 'sqlite3', 'yaml'} & set(sys.modules)\n"
        "sys.exit(code or (f'imported {heavy}' if heavy else 0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(artifact), "--key", vkey],
        env={**os.environ, "ENGRAM_HOME": str(tmp_path / "none"), "HOME": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("VERIFIED\n")
    assert not (tmp_path / "none").exists()
