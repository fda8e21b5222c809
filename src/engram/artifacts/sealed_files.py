"""Sealed files on disk: sealed whole or not at all, and opened in memory only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from engram.artifacts.seal import MAGIC, Place, seal, unseal
from engram.errors import PlatformError, VerificationFailed
from engram.files import fsync_folder


def seal_file(source: Path, target: Path, data_key: bytes, place: Place) -> str:
    """Seal a file into a new one, made durable; return the digest of the plaintext.

    Raises FileExistsError when the target is there; after any error it is not there.
    """
    with source.open("rb") as reading, target.open("xb") as writing:
        try:
            digest = seal(reading, writing, data_key, place)
            writing.flush()
            os.fsync(writing.fileno())
        except BaseException:
            target.unlink()
            raise
    fsync_folder(target.parent)
    return digest


def unseal_file(source: Path, data_key: bytes, place: Place, *, digest: str | None = None) -> BinaryIO:
    """Return a sealed file's plaintext in memory that no other process's folder shows, at its beginning.

    digest: what the manifest lists; compared with the plaintext. The plaintext never touches a disk: where the system
    has no such memory, PlatformError is raised. ``/proc/self/fd/<fileno>`` is its path for loaders that need one.
    """
    memory = private_memory(Path(place.path).name)
    state = hashlib.sha256()
    try:
        with source.open("rb") as reading:
            for plain in unseal(reading, data_key, place):
                state.update(plain)
                memory.write(plain)
        if digest is not None and digest != "sha256:" + state.hexdigest():
            raise VerificationFailed(
                f"{place.path!r} of {place.artifact} opens, but is not the file that the manifest lists.",
                remedy="Restore the artifact from a backup.",
            )
    except BaseException:
        memory.close()
        raise
    memory.seek(0)
    return memory


def private_memory(name: str) -> BinaryIO:
    """Return an anonymous file in memory (memfd), gone when it is closed or the process ends.

    Raises PlatformError where the system has none.
    """
    if not hasattr(os, "memfd_create"):
        raise PlatformError(
            "This system has no private memory for files, so sealed artifacts can't be opened on it.",
            remedy="Serve them from Linux, or switch sealing off for this home.",
        )
    return os.fdopen(os.memfd_create(f"engram-{name}"[:100], os.MFD_CLOEXEC), "w+b")


def is_sealed(path: Path) -> bool:
    """Tell whether a file begins as a sealed one does."""
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC
