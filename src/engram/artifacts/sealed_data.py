"""Sealed datasets: the file of rows sealed in its folder, the envelope of its data key beside it.

A dataset's record stays in clear, as a manifest does: digest, size and format. Digests are of the plaintext.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engram.artifacts.opened import ENVELOPE, Keys, private_folder, write_plain
from engram.artifacts.seal import Place, unseal
from engram.artifacts.sealed_files import is_sealed, seal_file
from engram.errors import VerificationFailed
from engram.files import fsync_folder, sha256_file, write_atomic

RECORD, STEM = "dataset.json", "data"
PENDING = ".sealing"


@dataclass(frozen=True)
class DataVault:
    """How a home keeps the contents of its datasets: sealed where it seals."""

    keys: Keys

    @property
    def seals(self) -> bool:
        """Tell whether what is kept from now on is sealed."""
        return self.keys.sealing

    def seal(self, source: Path, target: Path, digest: str, name: str) -> str:
        """Seal a file into a new one, with its envelope beside it; return the digest of what was read.

        name: what it will be called there, to which it is bound.
        """
        key, envelope = self.keys.make(digest)
        write_atomic(target.parent / ENVELOPE, envelope)
        return seal_file(source, target, key, Place(digest, name))

    def digest(self, path: Path, digest: str) -> str:
        """Return the digest of some content's plaintext; raises VerificationFailed for a sealed one that is damaged."""
        with opened_content(path, digest, self.keys) as plain:
            return sha256_file(plain)


def read_content(path: Path, digest: str, keys: Keys) -> Iterator[bytes]:
    """Yield the plaintext of a sealed dataset piece by piece, each proven before it is yielded.

    It is the whole file only when the iteration ends without an error: VerificationFailed names what is wrong.
    """
    envelope = path.parent / ENVELOPE
    if not envelope.is_file():
        raise VerificationFailed(f"The envelope of dataset {digest} is missing.", remedy="Restore it from a backup.")
    key = keys.open(digest, envelope.read_bytes())
    with path.open("rb") as reading:
        yield from unseal(reading, key, Place(digest, path.name))


@contextmanager
def opened_content(path: Path, digest: str, keys: Keys) -> Iterator[Path]:
    """Yield a dataset's file as readers want it: itself, or its plaintext in private memory for as long as the block.

    Raises VerificationFailed when it is not what was sealed there, PlatformError where no memory holds it.
    """
    if not is_sealed(path):
        yield path
        return
    with private_folder() as private:
        plain = private / path.name
        write_plain(plain, read_content(path, digest, keys), digest)
        yield plain


@contextmanager
def opened_store(stored: Path, digests: Iterable[str], keys: Keys) -> Iterator[Path]:
    """Yield a folder of datasets in which these can be read: the store itself, or one in private memory.

    Content that is not there is not there either. Raises what `opened_content` raises.
    """
    found = {digest: _contents(stored / digest.removeprefix("sha256:")) for digest in digests}
    if not any(is_sealed(path) for paths in found.values() for path in paths):
        yield stored
        return
    with private_folder() as private:
        for digest, paths in found.items():
            folder = private / digest.removeprefix("sha256:")
            if not any(is_sealed(path) for path in paths):
                folder.symlink_to((stored / folder.name).resolve(), target_is_directory=True)
                continue
            folder.mkdir()
            for path in paths:
                write_plain(folder / path.name, read_content(path, digest, keys), digest)
        yield private


def _contents(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"{STEM}*") if path.name != RECORD and path.is_file()]


def seal_datasets(stored: Path, keys: Keys) -> int:
    """Seal every dataset that is not sealed yet, and return how many; broken off, it is finished by calling it again.

    The envelope is there before the sealed file takes the place of the open one, so that at every moment what lies
    there can be opened. Removing a file does not wipe a disk. Raises VerificationFailed for content that is not what
    its folder says: it is left as it is.
    """
    sealed, vault = 0, DataVault(keys)
    for folder in sorted(path.parent for path in stored.glob(f"*/{RECORD}")):
        digest, pending = f"sha256:{folder.name}", folder / PENDING
        pending.unlink(missing_ok=True)  # of a process that was killed
        for path in [one for one in _contents(folder) if not is_sealed(one)]:
            if vault.seal(path, pending, digest, path.name) != digest:
                pending.unlink()
                raise VerificationFailed(f"{path} is not what its digest says.", remedy="Bring the file in again.")
            pending.replace(path)
            fsync_folder(folder)
            sealed += 1
    return sealed
