"""The ledger of a home: an append-only log whose every acknowledged state is signed.

`ledger/entries.jsonl` holds one entry a line, `leaves.bin` their 32-byte leaf hashes, `checkpoint` the newest signed
note and `checkpoints` all of them. An append is acknowledged when entries and hashes are durable and the checkpoint
over them has been replaced. Order comes from the index, never from the clock. One writer: the holder of the home lock.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engram.errors import NotFound, PlatformError
from engram.files import fsync_folder, write_atomic
from engram.ledger.checkpoint import sign_checkpoint
from engram.ledger.keys import Signer, VerifierKey
from engram.ledger.leaf import Draft, decode, encode
from engram.ledger.merkle import EMPTY_ROOT, HASH_BYTES, Tree, leaf_hash
from engram.ledger.scan import ENTRIES, HISTORY, LEAVES, NEWEST, Head, LedgerBroken, read_head, scan
from engram.proc import crashpoint
from engram.schema.entry import Entry

# Entries that one question about a subject looks at: some 20 ms, for which nobody else can append.
PIECE = 20_000


def utc_now() -> str:
    """Return the time as UTC with microseconds, ``2026-11-20T15:02:11.042000Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Ledger:
    """An open ledger; make one with `Ledger.open` (to write) or `Ledger.read` (to look)."""

    def __init__(self, folder: Path, key: VerifierKey, signer: Signer | None, clock: Callable[[], str]) -> None:
        self.folder, self.key = folder, key
        self._signer, self._clock = signer, clock
        self._tree: Tree
        self._starts: array[int]
        self._note: bytes
        self._load()

    @classmethod
    def open(cls, folder: Path, signer: Signer, *, clock: Callable[[], str] = utc_now) -> Ledger:
        """Open a ledger to append to it, making it when the folder holds none; the caller holds the home lock.

        What lies behind the signed checkpoint was never acknowledged and is removed.
        Raises LedgerBroken (a VerificationFailed) when anything else is not as it was signed.
        """
        _create(folder, signer)
        return cls(folder, signer.key, signer, clock)

    @classmethod
    def read(cls, folder: Path, key: VerifierKey) -> Ledger:
        """Open a ledger to read what is signed; writes nothing, so it needs no lock.

        Raises NotFound when there is no ledger and LedgerBroken when it is not as it was signed.
        """
        if not (folder / NEWEST).exists() and not (folder / ENTRIES).exists():
            raise NotFound(f"There is no ledger in {folder}.", remedy="Set ENGRAM_HOME to the home that you mean.")
        return cls(folder, key, None, utc_now)

    @property
    def size(self) -> int:
        """Return the number of acknowledged entries."""
        return self._tree.size

    @property
    def checkpoint(self) -> bytes:
        """Return the newest signed note."""
        return self._note

    @property
    def signer(self) -> Signer:
        """Return the key that this ledger signs with.

        Raises PlatformError when it was opened only to read.
        """
        if self._signer is None:
            raise PlatformError("This ledger was opened only to read.", remedy="Open it with Ledger.open and the key.")
        return self._signer

    def append(self, type: str, subject: str, body: Mapping[str, Any] | None = None, actor: str = "engram") -> Entry:
        """Append one entry and return it once it is durable and signed."""
        return self.append_many([Draft(type, subject, body or {}, actor)])[0]

    def append_many(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Append entries under one checkpoint: after a crash all of them are there, or none is.

        Raises UnknownName or PlatformError for an entry that the ledger refuses (nothing is written then), and
        PlatformError when the disk refuses (what was written is taken back).
        """
        signer = self.signer
        self._catch_up()
        made = [encode(draft, self.size + i, self._clock()) for i, draft in enumerate(drafts)]
        if not made:
            return []
        try:
            self._commit([leaf for _, leaf in made], signer)
        except BaseException as error:
            self._note = b""  # what this handle holds is void until it has been read again
            self._load()
            if isinstance(error, OSError):
                raise PlatformError(
                    f"The ledger {self.folder} can't be written: {error}. It is as it was before.",
                    remedy="Make room on the disk, or mend its permissions, and try again.",
                ) from error
            raise
        return [entry for entry, _ in made]

    def leaf(self, index: int) -> bytes:
        """Return the stored bytes of an entry; NotFound when there is none."""
        if not 0 <= index < self.size:
            raise NotFound(f"The ledger has no entry {index}: it holds {self.size}, numbered from 0.")
        return next(self._leaves(index, index + 1))

    def leaves(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the stored bytes of entries from ``start`` up to ``stop``, as far as there are any."""
        yield from self._leaves(max(start, 0), min(stop, self.size))

    def entry(self, index: int) -> Entry:
        """Return one entry; NotFound when there is none."""
        return decode(self.leaf(index))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Yield the entries from ``start`` up to ``stop`` (the end when absent)."""
        first, end = max(start, 0), self.size if stop is None else min(stop, self.size)
        yield from map(decode, self._leaves(first, end))

    def find(self, type: str, subject: str) -> list[Entry]:
        """Return every entry of a type about a subject, oldest first."""
        wanted = subject.encode()
        near = (decode(leaf) for leaf in self._leaves(0, self.size) if wanted in leaf)
        return [entry for entry in near if (entry.type, entry.subject) == (type, subject)]

    def about(self, subject: str, start: int, limit: int) -> tuple[list[Entry], int]:
        """Return entries about a subject from an index on, oldest first, and the index to go on from.

        At most `limit` of them, and from at most `PIECE` entries that are looked at.
        """
        wanted, found, index = subject.encode(), list[Entry](), max(start, 0)
        for leaf in self.leaves(index, min(index + PIECE, self.size)):
            index += 1
            if wanted in leaf and (entry := decode(leaf)).subject == subject:
                found.append(entry)
                if len(found) == limit:
                    break
        return found, index

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Return the proof that entry ``index`` is under the newest checkpoint; NotFound when there is none."""
        if not 0 <= index < self.size:
            raise NotFound(f"The ledger has no entry {index}: it holds {self.size}, numbered from 0.")
        return self._tree.inclusion_proof(index, self.size)

    def consistency_proof(self, old: int) -> list[bytes]:
        """Return the proof that the newest checkpoint continues that of size ``old``; NotFound when there was none."""
        if not 0 <= old <= self.size:
            raise NotFound(f"The ledger never had {old} entries: it holds {self.size}.")
        return self._tree.consistency_proof(old, self.size)

    def _leaves(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield stored entries, each held against the hash that was signed."""
        with (self.folder / ENTRIES).open("rb") as stream:
            stream.seek(self._starts[min(start, self.size)])
            for index in range(start, stop):
                leaf = stream.read(self._starts[index + 1] - self._starts[index])[:-1]
                if self._tree.leaf(index) != leaf_hash(leaf):
                    raise LedgerBroken(ENTRIES, "the entry changed since the ledger was opened", index=index)
                yield leaf

    def _load(self) -> None:
        head, tree = read_head(self.folder, self.key), Tree()
        starts = scan(self.folder, head, tree)
        if self._signer is not None:
            _mend(self.folder, head, starts[-1])
        self._note, self._tree, self._starts = head.note, tree, starts

    def _catch_up(self) -> None:
        """Read again when somebody else with the home lock has appended since."""
        if not self._note:
            self._load()
        elif (self.folder / NEWEST).read_bytes() != self._note:
            size, root = self.size, self._tree.root()
            self._load()
            if self.size < size or self._tree.root(size) != root:
                raise LedgerBroken(NEWEST, f"it no longer continues the {size} entries that were read before", index=0)

    def _commit(self, leaves: Sequence[bytes], signer: Signer) -> None:
        with (self.folder / ENTRIES).open("ab") as entries, (self.folder / LEAVES).open("ab") as hashes:
            entries.write(b"".join(leaf + b"\n" for leaf in leaves))
            hashes.write(b"".join(map(leaf_hash, leaves)))
            entries.flush()
            hashes.flush()
            crashpoint("ledger.after-write")
            os.fsync(entries.fileno())
            os.fsync(hashes.fileno())
        crashpoint("ledger.after-fsync")
        for leaf in leaves:
            self._tree.append(leaf_hash(leaf))
            self._starts.append(self._starts[-1] + len(leaf) + 1)
        note = sign_checkpoint(self._tree.size, self._tree.root(), signer)
        crashpoint("ledger.before-checkpoint")
        write_atomic(self.folder / NEWEST, note)
        crashpoint("ledger.after-checkpoint")
        _append(self.folder / HISTORY, note + b"\n")
        self._note = note


def _create(folder: Path, signer: Signer) -> None:
    """Make an empty ledger with a signed checkpoint of size 0, unless the folder holds anything already."""
    names = (ENTRIES, LEAVES, HISTORY)
    if (folder / NEWEST).exists() or any((folder / name).exists() and (folder / name).stat().st_size for name in names):
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    fsync_folder(folder)
    note = sign_checkpoint(0, EMPTY_ROOT, signer)
    write_atomic(folder / NEWEST, note)
    _append(folder / HISTORY, note + b"\n")


def _mend(folder: Path, head: Head, end: int) -> None:
    """Remove what was never acknowledged, and finish the history where a crash cut it short."""
    for leftover in folder.glob(f".{NEWEST}.*"):  # the temporary file of a write that was killed
        leftover.unlink()
    for name, length in ((ENTRIES, end), (LEAVES, head.checkpoint.size * HASH_BYTES)):
        _cut(folder / name, length)
    if head.missing:
        _cut(folder / HISTORY, head.history_bytes)
        _append(folder / HISTORY, head.missing)


def _cut(path: Path, length: int) -> None:
    if path.stat().st_size != length:
        with path.open("rb+") as stream:
            stream.truncate(length)
            os.fsync(stream.fileno())


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
