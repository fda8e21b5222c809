"""Reading a ledger folder from end to end, and naming the first byte range that is not what was signed."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engram.errors import VerificationFailed
from engram.ledger.checkpoint import Checkpoint, open_checkpoint
from engram.ledger.keys import VerifierKey
from engram.ledger.leaf import MAX_LEAF_BYTES
from engram.ledger.merkle import HASH_BYTES, Accumulator, Range, leaf_hash

ENTRIES = "entries.jsonl"
LEAVES = "leaves.bin"
NEWEST = "checkpoint"
HISTORY = "checkpoints"


class LedgerBroken(VerificationFailed):
    """A ledger file is not what was signed; `file` says which and `index` the first entry concerned."""

    def __init__(self, file: str, message: str, *, index: int | None = None) -> None:
        where = file if index is None else f"{file}, index {index}"
        super().__init__(f"{where}: {message}", remedy="Restore the ledger folder from a backup.")
        self.file, self.index, self.why = file, index, message


@dataclass(frozen=True)
class Head:
    """The signed state: the newest note as stored, what it says, and every signed size with its root, ascending.

    history_bytes: length of `checkpoints` up to its last whole note; missing: what a crash kept out of it.
    """

    note: bytes
    checkpoint: Checkpoint
    promises: tuple[Checkpoint, ...]
    history_bytes: int
    missing: bytes


def read_head(folder: Path, key: VerifierKey) -> Head:
    """Read and check `checkpoint` and `checkpoints`.

    A note is written to `checkpoint` first, so that a crash can only leave the history short of that one note.
    Raises LedgerBroken when the newest note is older than the history, or anything else does not fit.
    """
    history = _read(folder, HISTORY)  # before the newest note, so that a writer at work can't make that look old
    note = _read(folder, NEWEST)
    newest = _open(note, key, NEWEST)
    promises, rest = _read_history(history, key)
    history_bytes = len(history) - len(rest)
    if promises and promises[-1] == newest:
        if rest:
            raise LedgerBroken(HISTORY, "bytes follow the newest checkpoint")
        return Head(note, newest, tuple(promises), history_bytes, b"")
    if promises and promises[-1].size >= newest.size:
        raise LedgerBroken(
            NEWEST,
            f"it signs {newest.size} entries, but {HISTORY} holds a signed checkpoint of {promises[-1].size}: an "
            "old or forked checkpoint was put back",
            index=newest.size,
        )
    line = note + b"\n"
    if not line.startswith(rest.rstrip(b"\0")) or len(rest) > len(line):
        raise LedgerBroken(HISTORY, "its end is neither a whole checkpoint nor the beginning of the newest one")
    return Head(note, newest, (*promises, newest), history_bytes, line)


def scan(folder: Path, head: Head, tree: Accumulator) -> array[int]:
    """Check every signed entry against its leaf hash, its index and every signed root; return where each line begins.

    The array holds ``size + 1`` byte offsets into `entries.jsonl`; the last one is the end of the signed part.
    Raises LedgerBroken naming the first index that is wrong.
    """
    starts = array("Q", [0])
    promises = iter(head.promises)
    promise, kept = _advance(promises, tree, 0, 0)
    with _open_file(folder, ENTRIES) as entries, _open_file(folder, LEAVES) as leaves:
        for index, line in _lines(entries, head.checkpoint.size):
            leaf = leaf_hash(line[:-1])
            if leaves.read(HASH_BYTES) != leaf:
                raise _blame(folder, head, index)
            said = _said_index(line)
            if said != index:
                raise LedgerBroken(
                    ENTRIES, f"the entry there says it is index {said}: reordered or dropped", index=index
                )
            tree.append(leaf)
            starts.append(starts[-1] + len(line))
            if promise is not None and promise.size == index + 1:
                promise, kept = _advance(promises, tree, index + 1, kept, promise)
    return starts


def check_ends(folder: Path, head: Head, end: int) -> None:
    """Refuse anything behind the signed part; `end` is the signed length of `entries.jsonl`.

    Raises LedgerBroken when `entries.jsonl`, `leaves.bin` or `checkpoints` is longer or shorter than what is signed.
    """
    size = head.checkpoint.size
    for name, expected in ((ENTRIES, end), (LEAVES, size * HASH_BYTES)):
        if (folder / name).stat().st_size != expected:
            raise LedgerBroken(
                name,
                f"bytes follow the {size} entries that the checkpoint signs; no one was ever promised them (an "
                "interrupted append leaves such a tail, and the next append removes it)",
                index=size,
            )
    if head.missing:
        raise LedgerBroken(HISTORY, "the newest checkpoint is missing there (the next append adds it)")


def _advance(
    promises: Iterator[Checkpoint],
    tree: Accumulator,
    size: int,
    kept: int,
    promise: Checkpoint | None = None,
) -> tuple[Checkpoint | None, int]:
    """Compare every promise of this size with the tree; return the next promise and the last kept size."""
    promise = promise or next(promises, None)
    while promise is not None and promise.size == size:
        if promise.root != tree.root():
            last = f"..{size - 1}" if size - 1 > kept else ""
            raise LedgerBroken(
                ENTRIES, f"entries {kept}{last} are not those that were signed at size {size}: rewritten", index=kept
            )
        kept, promise = size, next(promises, None)
    return promise, kept


def _lines(entries: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    for index in range(size):
        line = entries.readline(MAX_LEAF_BYTES + 2)
        if not line.endswith(b"\n"):
            what = "the line is broken off or too long" if line else f"the file ends, but {size} entries are signed"
            raise LedgerBroken(ENTRIES, what, index=index)
        yield index, line


def _said_index(line: bytes) -> object:
    try:
        return json.loads(line)["index"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _blame(folder: Path, head: Head, index: int) -> LedgerBroken:
    """The entry and its leaf hash disagree: ask the signed root which of the two files is the changed one."""
    hashes = Range()
    with (folder / LEAVES).open("rb") as leaves:
        for _ in range(head.checkpoint.size):
            leaf = leaves.read(HASH_BYTES)
            if len(leaf) < HASH_BYTES:
                return LedgerBroken(LEAVES, f"the file ends, but {head.checkpoint.size} are signed", index=hashes.size)
            hashes.append(leaf)
    if hashes.root() == head.checkpoint.root:
        return LedgerBroken(ENTRIES, "the entry is not the one that was signed", index=index)
    return LedgerBroken(LEAVES, "the leaf hash is not the one that was signed", index=index)


def _read_history(content: bytes, key: VerifierKey) -> tuple[list[Checkpoint], bytes]:
    """Return the signed checkpoints and the bytes behind the last whole one. Each note is followed by a newline."""
    promises: list[Checkpoint] = []
    start = 0
    while True:
        middle = content.find(b"\n\n", start)
        end = content.find(b"\n\n", middle + 2) if middle >= 0 else -1
        if end < 0:
            return promises, content[start:]
        promise = _open(content[start : end + 1], key, HISTORY)
        if promises and promise.size <= promises[-1].size:
            raise LedgerBroken(
                HISTORY,
                f"size {promise.size} follows size {promises[-1].size}: reordered or forked",
                index=promise.size,
            )
        promises.append(promise)
        start = end + 2


def _open(note: bytes, key: VerifierKey, file: str) -> Checkpoint:
    try:
        return open_checkpoint(note, key)
    except VerificationFailed as error:
        raise LedgerBroken(file, str(error)) from error


def _read(folder: Path, name: str) -> bytes:
    with _open_file(folder, name) as stream:
        return stream.read()


def _open_file(folder: Path, name: str) -> BinaryIO:
    try:
        return (folder / name).open("rb")
    except FileNotFoundError as error:
        raise LedgerBroken(name, "the file is missing") from error
