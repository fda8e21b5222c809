"""Whoever changes a ledger is found out, and the verifier says where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certified import draft, make_ledger, make_signer, ticking

from engram.errors import VerificationFailed
from engram.files import canonical_json
from engram.ledger import verify
from engram.ledger.checkpoint import sign_checkpoint
from engram.ledger.log import Ledger
from engram.ledger.merkle import Tree, leaf_hash
from engram.ledger.verify import verify_ledger
from engram.schema.check import Check

KEY = make_signer().key
FILES = ("entries.jsonl", "leaves.bin", "checkpoint", "checkpoints")
SIZE = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_ledger(tmp_path / "ledger", SIZE, batch=2)
    return tmp_path / "ledger"


def first_wrong(folder: Path, newer: bytes | None = None) -> Check | None:
    return next((check for check in verify_ledger(folder, KEY, newer) if not check.ok), None)


def lines(folder: Path) -> list[bytes]:
    return (folder / "entries.jsonl").read_bytes().splitlines(keepends=True)


def put(folder: Path, entries: list[bytes], *, hashes: bool) -> None:
    (folder / "entries.jsonl").write_bytes(b"".join(entries))
    if hashes:
        (folder / "leaves.bin").write_bytes(b"".join(leaf_hash(line[:-1]) for line in entries))


def renumber(entries: list[bytes]) -> list[bytes]:
    return [canonical_json({**json.loads(line), "index": i}) + b"\n" for i, line in enumerate(entries)]


def cut_to(folder: Path, size: int, checkpoints: int) -> None:
    """Make the folder the shorter, valid ledger that it once was."""
    put(folder, lines(folder)[:size], hashes=True)
    notes = (folder / "checkpoints").read_bytes().split(b"\n\n")
    kept = [notes[i] + b"\n\n" + notes[i + 1] + b"\n" for i in range(0, 2 * checkpoints, 2)]
    (folder / "checkpoints").write_bytes(b"".join(note + b"\n" for note in kept))
    (folder / "checkpoint").write_bytes(kept[-1])


def test_an_untouched_ledger_verifies(folder: Path):
    assert first_wrong(folder) is None
    assert [check.name for check in verify_ledger(folder, KEY)] == ["checkpoint", "checkpoints", *FILES[:2]]


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_byte_is_found_in_its_file(folder: Path, name: str):
    content = (folder / name).read_bytes()
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        (folder / name).write_bytes(changed)
        wrong = first_wrong(folder)
        assert wrong is not None, (name, at)
        assert wrong.name.split(",")[0] == name, (at, wrong)
        if name in FILES[:2]:
            index = at // 32 if name == "leaves.bin" else content[:at].count(b"\n")
            assert wrong.name == f"{name}, index {index}", (at, wrong)
    (folder / name).write_bytes(content)
    assert first_wrong(folder) is None


@pytest.mark.parametrize("name", FILES)
def test_no_flipped_byte_lets_a_ledger_be_continued(folder: Path, name: str):
    content = (folder / name).read_bytes()
    for at in range(0, len(content) - 2, 7):
        changed = bytearray(content)
        changed[at] ^= 4
        (folder / name).write_bytes(changed)
        with pytest.raises(VerificationFailed, match=name):
            Ledger.open(folder, make_signer())
        assert (folder / name).read_bytes() == changed


def test_a_writer_at_work_is_no_damage(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The verifier reads the files one after the other; an append in between must not look like tampering."""
    real = verify.scan
    writer = Ledger.open(folder, make_signer(), clock=ticking())

    def scan_then_append(*arguments: Any) -> Any:
        starts = real(*arguments)
        if writer.size == SIZE:
            writer.append_many([draft(SIZE)])
        return starts

    monkeypatch.setattr(verify, "scan", scan_then_append)
    assert first_wrong(folder) is None
    assert writer.size == SIZE + 1


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str):
    (folder / name).unlink()
    wrong = first_wrong(folder)
    assert wrong == Check(name, False, "the file is missing")
    with pytest.raises(VerificationFailed, match=f"{name}: the file is missing"):
        Ledger.open(folder, make_signer())


@pytest.mark.parametrize("hashes", [True, False])
def test_a_dropped_last_entry_is_named(folder: Path, hashes: bool):
    put(folder, lines(folder)[:-1], hashes=hashes)
    wrong = first_wrong(folder)
    assert wrong and wrong.name == f"entries.jsonl, index {SIZE - 1}"


def test_dropped_last_leaf_hashes_are_named(folder: Path):
    content = (folder / "leaves.bin").read_bytes()
    (folder / "leaves.bin").write_bytes(content[:-32])
    wrong = first_wrong(folder)
    assert wrong and wrong.name == f"leaves.bin, index {SIZE - 1}"


@pytest.mark.parametrize("hashes", [True, False])
def test_reordered_entries_are_named(folder: Path, hashes: bool):
    entries = lines(folder)
    entries[3], entries[5] = entries[5], entries[3]
    put(folder, entries, hashes=hashes)
    wrong = first_wrong(folder)
    assert wrong and wrong.name == "entries.jsonl, index 3"


def test_reordered_entries_with_new_numbers_and_hashes_are_named(folder: Path):
    entries = lines(folder)
    entries[2], entries[4] = entries[4], entries[2]
    put(folder, renumber(entries), hashes=True)
    wrong = first_wrong(folder)
    assert wrong and wrong.name == "entries.jsonl, index 2" and "2..3" in wrong.detail


@pytest.mark.parametrize("index", range(SIZE))
def test_a_rewritten_entry_with_its_hash_is_named(folder: Path, index: int):
    entries = lines(folder)
    entries[index] = entries[index].replace(b"run.declared", b"run.reviewed")
    put(folder, entries, hashes=True)
    wrong = first_wrong(folder)
    assert wrong and wrong.name == f"entries.jsonl, index {index // 2 * 2}"
    assert f"at size {index // 2 * 2 + 2}" in wrong.detail


@pytest.mark.parametrize("name", FILES[:2])
def test_bytes_behind_the_signed_part_are_named(folder: Path, name: str):
    with (folder / name).open("ab") as stream:
        stream.write(b"x")
    wrong = first_wrong(folder)
    assert wrong and wrong.name == f"{name}, index {SIZE}"


def test_an_old_checkpoint_put_back_is_refused(folder: Path):
    notes = (folder / "checkpoints").read_bytes().split(b"\n\n")
    (folder / "checkpoint").write_bytes(notes[2] + b"\n\n" + notes[3] + b"\n")
    wrong = first_wrong(folder)
    assert wrong and wrong.name == "checkpoint, index 2"
    with pytest.raises(VerificationFailed, match="put back"):
        Ledger.open(folder, make_signer())
    assert len(lines(folder)) == SIZE, "an old checkpoint must not make the ledger forget"


@pytest.mark.parametrize(("size", "checkpoints"), [(0, 1), (2, 2), (4, 3)])
def test_a_shorter_valid_tree_is_found_by_whoever_holds_a_newer_checkpoint(folder: Path, size: int, checkpoints: int):
    newer = (folder / "checkpoint").read_bytes()
    cut_to(folder, size, checkpoints)
    assert first_wrong(folder) is None, "by itself it is a valid ledger"
    wrong = first_wrong(folder, newer)
    assert wrong and wrong.name == f"the checkpoint that you hold, index {size}" and "gone" in wrong.detail


def test_a_fork_is_found_by_whoever_holds_the_other_branch(folder: Path, tmp_path: Path):
    other = shutil.copytree(folder, tmp_path / "other")
    for branch, subject in ((folder, "r_left"), (other, "r_right")):
        Ledger.open(branch, make_signer(), clock=ticking()).append("run.judged", subject)
    held = (other / "checkpoint").read_bytes()
    Ledger.open(folder, make_signer(), clock=ticking()).append_many([draft(9)])
    assert first_wrong(folder) is None and first_wrong(other) is None
    wrong = first_wrong(folder, held)
    assert wrong and "fork" in wrong.detail and f"index 0..{SIZE}" in wrong.name


def test_two_signed_checkpoints_of_one_size_are_a_fork(folder: Path):
    tree = Tree()
    for i in range(SIZE):
        tree.append(leaf_hash(b"%d" % i))
    (folder / "checkpoint").write_bytes(sign_checkpoint(SIZE, tree.root(), make_signer()))
    wrong = first_wrong(folder)
    assert wrong and wrong.name == f"checkpoint, index {SIZE}" and "forked" in wrong.detail


def test_an_honest_continuation_of_an_older_checkpoint_verifies(folder: Path):
    held = (folder / "checkpoint").read_bytes()
    Ledger.open(folder, make_signer(), clock=ticking()).append_many([draft(9)])
    assert first_wrong(folder, held) is None


def test_a_held_checkpoint_of_another_key_is_refused(folder: Path):
    wrong = first_wrong(folder, sign_checkpoint(0, b"\0" * 32, make_signer(2)))
    assert wrong and wrong.name == "the checkpoint that you hold"


@pytest.mark.parametrize(
    "change",
    [
        lambda notes: [notes[1], notes[0], *notes[2:]],
        lambda notes: [notes[0], *notes],
        lambda notes: [*notes, notes[-1]],
        lambda notes: [*notes[:-1], notes[-1] + b"extra\n"],
        lambda notes: [*notes, b"x"],
    ],
)
def test_a_history_that_was_tampered_with_is_named(folder: Path, change: Callable[[list[bytes]], list[bytes]]):
    parts = (folder / "checkpoints").read_bytes().split(b"\n\n")
    notes = [parts[i] + b"\n\n" + parts[i + 1] + b"\n\n" for i in range(0, len(parts) - 1, 2)]
    (folder / "checkpoints").write_bytes(b"".join(change(notes)))
    wrong = first_wrong(folder)
    assert wrong and wrong.name.split(",")[0] == "checkpoints"


def test_a_history_without_its_newest_checkpoint_is_named(folder: Path):
    content = (folder / "checkpoints").read_bytes()
    note = (folder / "checkpoint").read_bytes()
    (folder / "checkpoints").write_bytes(content[: -len(note) - 1])
    wrong = first_wrong(folder)
    assert wrong and wrong.name == "checkpoints" and "missing" in wrong.detail


def test_the_wrong_key_is_said_to_be_wrong(folder: Path):
    wrong = next(check for check in verify_ledger(folder, make_signer(2).key) if not check.ok)
    assert wrong.name == "checkpoint" and make_signer(2).key.id in wrong.detail


def test_a_line_without_end_is_refused_with_flat_memory(folder: Path):
    (folder / "entries.jsonl").write_bytes(b"x" * (1 << 22))
    wrong = first_wrong(folder)
    assert wrong and wrong.name == "entries.jsonl, index 0" and "too long" in wrong.detail


def test_a_deeply_nested_entry_is_refused(folder: Path):
    entries = lines(folder)
    entries[0] = b"[" * 8000 + b"]" * 8000 + b"\n"
    put(folder, entries, hashes=True)
    wrong = first_wrong(folder)
    assert wrong and wrong.name == "entries.jsonl, index 0"
