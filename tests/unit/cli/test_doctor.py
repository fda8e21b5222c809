"""`engram doctor` says what is missing and the command that mends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engram.cli import doctor, output


@pytest.fixture(autouse=True)
def text_mode():
    output.use_json(False)
    yield
    output.use_json(False)


def test_an_old_python_is_missing():
    assert doctor.check_python((3, 10)).state == "missing"
    assert doctor.check_python((3, 11)).state == "ok"
    assert doctor.check_python((4, 0)).state == "ok"


@pytest.mark.parametrize(("gigabytes", "state"), [(3.9, "missing"), (4.0, "ok")])
def test_memory_below_four_gigabytes_is_missing(gigabytes, state):
    assert doctor.check_ram(int(gigabytes * 1000**3)).state == state


def test_memory_that_cannot_be_told_does_not_fail():
    assert doctor.check_ram(None).state == "absent"


@pytest.mark.parametrize(("gigabytes", "state"), [(9.9, "missing"), (10.0, "ok")])
def test_less_than_ten_gigabytes_of_disk_is_missing(gigabytes, state):
    found = doctor.check_disk(int(gigabytes * 1000**3), Path("/data"))
    assert found.state == state
    assert "/data" in found.found


def test_a_missing_training_extra_is_required_and_names_torch_first():
    found = doctor.check_extra("train", ("torch", "peft"), lambda name: name == "peft")
    assert found.state == "missing"
    assert found.found == "not installed: torch"
    assert found.mend.index("torch==") < found.mend.index(".[train]")


def test_a_missing_development_extra_is_optional():
    assert doctor.check_extra("dev", ("ruff",), lambda name: False).state == "absent"


def test_looking_for_packages_imports_none(monkeypatch):
    monkeypatch.setattr("builtins.__import__", lambda *a, **k: pytest.fail(f"imported {a[0]}"))
    assert not doctor.is_installed("surely_not_here_at_all")


def test_a_home_that_does_not_exist_is_judged_by_its_nearest_parent(tmp_path):
    assert doctor.check_home(tmp_path / "a" / "b").state == "ok"
    assert not (tmp_path / "a").exists()


def test_a_home_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    found = doctor.check_home(tmp_path / "file" / "home")
    assert found.state == "missing"
    assert "ENGRAM_HOME" in found.mend


def test_writing_is_tried_and_leaves_nothing(tmp_path):
    assert doctor.can_write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_key_that_others_can_read_is_named_with_the_command(tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    for name, mode in (("ledger.key", 0o640), ("ledger.pub", 0o644)):
        (keys / name).write_text("x")
        (keys / name).chmod(mode)
    found = doctor.check_keys(tmp_path)
    assert found.state == "missing"
    assert found.mend == f"chmod 600 {keys / 'ledger.key'}"
    (keys / "ledger.key").chmod(0o600)
    assert doctor.check_keys(tmp_path).state == "ok"


def test_report_fails_only_for_what_is_required(capsys):
    absent = doctor.Finding("extra dev", "absent", "not installed: ruff", "pip install ruff")
    assert doctor.report([absent]) == 0
    said = capsys.readouterr().out
    assert "pip install ruff" in said
    assert "Everything required is here." in said
    assert doctor.report([absent, doctor.Finding("disk", "missing", "0 GB", "free some")]) == 1
    assert "disk: free some" in capsys.readouterr().out


def test_json_carries_the_same(capsys):
    output.use_json(True)
    assert doctor.report([doctor.Finding("disk", "missing", "0 GB", "free some")]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "ok": False,
        "findings": [{"what": "disk", "state": "missing", "found": "0 GB", "mend": "free some"}],
    }


def test_this_machine_can_be_examined(tmp_path):
    found = {one.what: one.state for one in doctor.examine(tmp_path / "home")}
    assert set(found) == {"python", "memory", "disk", "extra train", "extra export", "extra dev", "home", "keys"}
    assert found["python"] == "ok"
