"""The ledger's key is replaced: both keys sign it, old certificates still verify, a crash in between loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from certified import FILES, ZERO, write_files

from engram.artifacts.store import publish
from engram.cli.main import run
from engram.cli.verify import verify_artifact
from engram.errors import VerificationFailed
from engram.ledger.certificate import certify
from engram.ledger.checkpoint import open_checkpoint, sign_checkpoint
from engram.ledger.keys import load_or_create_signer, load_vkey, parse_vkey
from engram.ledger.log import Ledger
from engram.ledger.rotation import rotate_ledger_key
from engram.ledger.verify import verify_ledger


def opened(home):
    return Ledger.open(home / "ledger", load_or_create_signer(home / "keys"))


def put(home, name):
    """Publish a certified artifact in a home."""
    ledger, staging = opened(home), write_files(home / "work" / name, {**FILES, "name.txt": name.encode()})

    def certificate(manifest, content):
        return certify(manifest=manifest, manifest_bytes=content, predicate={"recipe": ZERO}, run=name, ledger=ledger)

    return publish(staging, home / "artifacts", {"run": name}, certificate)[0]


def fails(checks):
    return [check for check in checks if not check.ok]


@pytest.fixture
def home(tmp_path):
    """A home with a certificate under each of three keys."""
    for name in ("r_1", "r_2", "r_3"):
        put(tmp_path, name)
        if name != "r_3":
            rotate_ledger_key(tmp_path / "keys", opened(tmp_path))
    return tmp_path


def test_every_certificate_and_the_whole_ledger_verify_with_the_newest_key(home):
    key = load_vkey(home / "keys" / "ledger.pub")
    assert len(key.older) == 2
    found = list((home / "artifacts").iterdir())
    assert len(found) == 3
    assert [fails(verify_artifact(folder, key)) for folder in found] == [[], [], []]
    assert fails(verify_ledger(home / "ledger", key)) == []
    rotated = [entry.subject for entry in opened(home).entries() if entry.type == "key.rotated"]
    assert rotated == [key.older[0][0].id, key.id]


def test_without_the_rotations_only_what_the_newest_key_signed_verifies(home):
    key = parse_vkey((home / "keys" / "ledger.pub").read_text())
    assert len([folder for folder in (home / "artifacts").iterdir() if not fails(verify_artifact(folder, key))]) == 1


def test_another_home_s_key_is_no_older_one(home, tmp_path_factory):
    key = load_vkey(home / "keys" / "ledger.pub")
    stranger = load_or_create_signer(tmp_path_factory.mktemp("other") / "keys")
    with pytest.raises(VerificationFailed, match="expected the log and key"):
        open_checkpoint(sign_checkpoint(1, bytes(32), stranger), key)


def test_a_key_that_was_replaced_signs_no_larger_ledger(tmp_path):
    put(tmp_path, "r_1")
    stolen = load_or_create_signer(tmp_path / "keys")
    rotate_ledger_key(tmp_path / "keys", opened(tmp_path))
    key = load_vkey(tmp_path / "keys" / "ledger.pub")
    with pytest.raises(VerificationFailed, match="which was replaced at 2 entries"):
        open_checkpoint(sign_checkpoint(3, bytes(32), stolen), key)


@pytest.mark.parametrize("what", ["old", "new", "size", "by_old", "by_new"])
def test_a_rotation_that_both_keys_did_not_sign_is_refused(home, what):
    path = home / "keys" / "ledger.rotations"
    one, two = map(json.loads, path.read_text().splitlines())
    two[what] = two[what] + 1 if what == "size" else one[what]
    path.write_text(f"{json.dumps(one)}\n{json.dumps(two)}\n")
    with pytest.raises(VerificationFailed, match=r"line 2 is no rotation"):
        load_vkey(home / "keys" / "ledger.pub")
    with pytest.raises(VerificationFailed, match=r"line 2 is no rotation"):
        opened(home)


def test_a_rotation_file_that_is_lost_is_told_by_the_ledger(home):
    (home / "keys" / "ledger.rotations").unlink()
    with pytest.raises(VerificationFailed, match="signed by"):
        opened(home)


@pytest.mark.parametrize("where", ["keys.before-private", "keys.before-public"])
def test_a_crash_in_a_rotation_loses_nothing(tmp_path, where):
    put(tmp_path, "r_1")
    environment = {**os.environ, "ENGRAM_HOME": str(tmp_path), "ENGRAM_CRASHPOINT": where}
    command = [sys.executable, "-m", "engram.cli.main", "keys", "rotate", "--ledger"]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0
    put(tmp_path, "r_2")
    rotate_ledger_key(tmp_path / "keys", opened(tmp_path))
    put(tmp_path, "r_3")
    key = load_vkey(tmp_path / "keys" / "ledger.pub")
    assert [fails(verify_artifact(folder, key)) for folder in (tmp_path / "artifacts").iterdir()] == [[], [], []]
    assert fails(verify_ledger(tmp_path / "ledger", key)) == []


def test_the_command_rotates_and_verify_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    folder = put(tmp_path, "r_1")
    assert run(["keys", "rotate", "--ledger"]) == 0
    assert "ledger.rotations" in capsys.readouterr().out
    assert run(["verify", str(folder)]) == 0
    assert run(["verify", str(tmp_path / "ledger")]) == 0


def test_a_lost_key_after_a_rotation_says_what_is_lost(home):
    (home / "keys" / "ledger.key").unlink()
    with pytest.raises(VerificationFailed, match=r"is lost.*Old certificates still verify"):
        opened(home)
