"""The ledger: what is acknowledged stays, what is refused leaves no trace, and reading writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from certified import draft, make_ledger, make_signer, ticking
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import EngramError, NotFound, PlatformError, VerificationFailed
from engram.ledger import log
from engram.ledger.checkpoint import open_checkpoint
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger, utc_now
from engram.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from engram.ledger.verify import verify_ledger

FILES = ("entries.jsonl", "leaves.bin", "checkpoint", "checkpoints")
KEY = make_signer().key


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def is_sound(folder: Path) -> bool:
    return all(check.ok for check in verify_ledger(folder, KEY))


def test_a_new_ledger_is_empty_signed_and_has_four_files(tmp_path: Path):
    ledger = make_ledger(tmp_path, 0)
    assert (ledger.size, list(ledger.entries())) == (0, [])
    assert open_checkpoint(ledger.checkpoint, KEY).size == 0
    assert sorted(snapshot(tmp_path)) == sorted(FILES)
    assert is_sound(tmp_path)


def test_entries_come_back_as_they_were_entered(tmp_path: Path):
    ledger = make_ledger(tmp_path, 5)
    again = Ledger.read(tmp_path, KEY)
    assert [entry.subject for entry in again.entries()] == [f"r_{i}" for i in range(5)]
    assert list(again.entries()) == list(ledger.entries())
    assert [entry.index for entry in again.entries(3)] == [3, 4]
    assert [entry.index for entry in again.entries(-2, 1)] == [0]
    assert again.find("run.declared", "r_3") == [again.entry(3)]
    assert again.find("run.judged", "r_3") == again.find("run.declared", "r_") == []


def test_proofs_hold_under_the_signed_checkpoint(tmp_path: Path):
    ledger = make_ledger(tmp_path, 4)
    old = open_checkpoint(ledger.checkpoint, KEY)
    ledger.append_many([draft(i) for i in range(4, 9)])
    new = open_checkpoint(ledger.checkpoint, KEY)
    for i in range(9):
        assert verify_inclusion(leaf_hash(ledger.leaf(i)), i, new.size, ledger.inclusion_proof(i), new.root)
    assert verify_consistency(old.size, old.root, new.size, new.root, ledger.consistency_proof(old.size))


@pytest.mark.parametrize("index", [-1, 3, 10**9])
def test_an_entry_that_is_not_there_is_not_found(tmp_path: Path, index: int):
    ledger = make_ledger(tmp_path, 3)
    for ask in (ledger.leaf, ledger.entry, ledger.inclusion_proof):
        with pytest.raises(NotFound, match="holds 3"):
            ask(index)
    with pytest.raises(NotFound, match="holds 3"):
        ledger.consistency_proof(4)


def test_a_ledger_that_is_not_there_is_not_found(tmp_path: Path):
    with pytest.raises(NotFound, match="no ledger"):
        Ledger.read(tmp_path / "none", KEY)
    assert not (tmp_path / "none").exists()


def test_reading_writes_nothing_and_can_not_append(tmp_path: Path):
    make_ledger(tmp_path, 3)
    with (tmp_path / "entries.jsonl").open("ab") as stream:
        stream.write(b'{"never":"acknowledged"}\n')
    before = snapshot(tmp_path)
    ledger = Ledger.read(tmp_path, KEY)
    assert ledger.size == 3
    with pytest.raises(PlatformError, match="only to read"):
        ledger.append("run.declared", "r_9")
    assert snapshot(tmp_path) == before


def test_a_clock_that_runs_backwards_does_no_harm(tmp_path: Path):
    times = iter([f"2026-01-01T0{hour}:00:00.000000Z" for hour in (5, 3, 9, 1, 1)])
    ledger = Ledger.open(tmp_path, make_signer(), clock=lambda: next(times))
    for i in range(5):
        ledger.append_many([draft(i)])
    again = Ledger.open(tmp_path, make_signer(), clock=ticking())
    assert [entry.subject for entry in again.entries()] == [f"r_{i}" for i in range(5)]
    assert again.append("run.judged", "r_9").index == 5
    assert is_sound(tmp_path)


def test_time_is_utc_with_microseconds():
    assert len(utc_now()) == len("2026-11-20T15:02:11.042000Z") and utc_now().endswith("Z")


def test_two_handles_of_one_home_never_overwrite_each_other(tmp_path: Path):
    one = make_ledger(tmp_path, 1)
    two = Ledger.open(tmp_path, make_signer(), clock=ticking())
    indexes = [ledger.append("run.judged", f"r_{i}").index for i, ledger in enumerate((one, two, two, one, two))]
    assert indexes == [1, 2, 3, 4, 5]
    assert is_sound(tmp_path)


def test_a_handle_notices_that_the_ledger_was_replaced(tmp_path: Path):
    ledger = make_ledger(tmp_path / "ledger", 3)
    make_ledger(tmp_path / "other", 2)
    for name, content in snapshot(tmp_path / "other").items():
        (tmp_path / "ledger" / name).write_bytes(content)
    with pytest.raises(VerificationFailed, match="no longer continues"):
        ledger.append("run.judged", "r_1")


def test_a_handle_notices_a_longer_ledger_with_another_past(tmp_path: Path):
    ledger = make_ledger(tmp_path / "ledger", 3)
    other = Ledger.open(tmp_path / "other", make_signer(), clock=ticking())
    other.append_many([draft(i) for i in range(10, 15)])
    for name, content in snapshot(tmp_path / "other").items():
        (tmp_path / "ledger" / name).write_bytes(content)
    with pytest.raises(VerificationFailed, match="no longer continues"):
        ledger.append("run.judged", "r_1")


def test_what_a_killed_write_left_beside_the_checkpoint_is_swept(tmp_path: Path):
    make_ledger(tmp_path, 1)
    (tmp_path / ".checkpoint.x1y2").write_bytes(b"half")
    Ledger.read(tmp_path, KEY)
    assert (tmp_path / ".checkpoint.x1y2").exists()
    Ledger.open(tmp_path, make_signer())
    assert sorted(snapshot(tmp_path)) == sorted(FILES)


def test_a_torn_history_is_never_longer_than_the_note_that_tore(tmp_path: Path):
    make_ledger(tmp_path, 2)
    content, note = (tmp_path / "checkpoints").read_bytes(), (tmp_path / "checkpoint").read_bytes()
    whole = content[: -len(note) - 1]
    (tmp_path / "checkpoints").write_bytes(whole + bytes(len(note) + 2))
    with pytest.raises(VerificationFailed, match="checkpoints: its end"):
        Ledger.open(tmp_path, make_signer())
    (tmp_path / "checkpoints").write_bytes(whole + bytes(len(note) + 1))
    assert Ledger.open(tmp_path, make_signer()).size == 2
    assert (tmp_path / "checkpoints").read_bytes() == content


def test_an_entry_changed_behind_an_open_handle_is_not_handed_out(tmp_path: Path):
    ledger = make_ledger(tmp_path, 3)
    content = (tmp_path / "entries.jsonl").read_bytes()
    (tmp_path / "entries.jsonl").write_bytes(content.replace(b"r_1", b"r_7"))
    with pytest.raises(VerificationFailed, match="index 1"):
        ledger.leaf(1)


def test_nothing_appended_is_nothing_written(tmp_path: Path):
    ledger = make_ledger(tmp_path, 1)
    before = snapshot(tmp_path)
    assert ledger.append_many([]) == []
    assert snapshot(tmp_path) == before


def full(*_: object, **__: object) -> bytes:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("where", "what"), [(Path, "replace"), (log, "sign_checkpoint"), (log, "write_atomic")])
def test_a_full_disk_takes_the_append_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: object, what: str):
    ledger = make_ledger(tmp_path, 3)
    before = snapshot(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(where, what, full)
        with pytest.raises(PlatformError, match=r"No space left.*as it was before"):
            ledger.append("run.judged", "r_1")
    assert snapshot(tmp_path) == before
    assert ledger.append("run.judged", "r_1").index == 3
    assert is_sound(tmp_path)


def test_a_disk_that_refuses_even_the_take_back_is_read_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ledger = make_ledger(tmp_path, 3)
    with monkeypatch.context() as patch:
        patch.setattr(log.os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            ledger.append("run.judged", "r_1")
    assert ledger.append("run.judged", "r_2").index == 3
    assert [entry.subject for entry in ledger.entries(3)] == ["r_2"]
    assert is_sound(tmp_path)


def test_an_interrupted_append_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ledger = make_ledger(tmp_path, 3)
    before = snapshot(tmp_path)

    def interrupt(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(log, "sign_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ledger.append("run.judged", "r_1")
    assert snapshot(tmp_path) == before


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_torn_tail_is_removed_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    """Power may go at any byte of an append: each file holds any part of what was coming."""
    folder = tmp_path_factory.mktemp("torn")
    make_ledger(folder, 3)
    old = snapshot(folder)
    Ledger.open(folder, make_signer(), clock=ticking()).append_many([draft(3), draft(4)])
    new = snapshot(folder)
    signed = data.draw(st.booleans())
    for name in ("entries.jsonl", "leaves.bin"):
        kept = len(new[name]) if signed else data.draw(st.integers(len(old[name]), len(new[name])))
        zeros = 0 if signed else data.draw(st.integers(0, 50))
        (folder / name).write_bytes(new[name][:kept] + bytes(zeros))
    (folder / "checkpoint").write_bytes((new if signed else old)["checkpoint"])
    kept = data.draw(st.integers(len(old["checkpoints"]), len(new["checkpoints"]))) if signed else None
    (folder / "checkpoints").write_bytes(new["checkpoints"][:kept] if signed else old["checkpoints"])
    assert Ledger.read(folder, KEY).size == (5 if signed else 3)
    again = Ledger.open(folder, make_signer(), clock=ticking())
    assert snapshot(folder) == (new if signed else old)
    assert again.size == (5 if signed else 3)
    assert is_sound(folder)


def test_a_ledger_under_a_new_key_is_refused(tmp_path: Path):
    make_ledger(tmp_path / "ledger", 2)
    with pytest.raises(EngramError, match="has signed"):
        load_or_create_signer(tmp_path / "keys")
    with pytest.raises(VerificationFailed, match="signed by"):
        Ledger.open(tmp_path / "ledger", make_signer(2))
