"""Sealed artifacts: each payload file sealed at its own path, the envelope of their data key beside the manifest.

Manifest and certificate stay in clear: they hold names, digests and measures, and no byte of a payload. Digests are of
the plaintext, so a sealed artifact has the same name and certificate as an open one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from engram.artifacts.manifest import parse_manifest
from engram.artifacts.paths import CERTIFICATE, MANIFEST
from engram.artifacts.seal import Place, unseal
from engram.artifacts.sealed_files import seal_file
from engram.errors import PlatformError, Refused, VerificationFailed
from engram.files import sha256_file
from engram.proc import birth
from engram.schema.manifest import Manifest

ENVELOPE = "envelope.json"
MEMORY = Path("/dev/shm")  # noqa: S108 - memory that only its owner's folder shows, and only where it is that
MOUNTS = Path("/proc/self/mounts")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})


class Keys(Protocol):
    """Where the data keys of a home's artifacts come from."""

    @property
    def sealing(self) -> bool:
        """Tell whether the home seals what it publishes."""

    def make(self, artifact: str) -> tuple[bytes, bytes]:
        """Return a new data key and its envelope."""

    def open(self, artifact: str, envelope: bytes) -> bytes:
        """Return the data key in an envelope; raises VerificationFailed when it does not open."""


def is_sealed_folder(folder: Path) -> bool:
    """Tell whether an artifact's folder is sealed."""
    return (folder / ENVELOPE).exists()


def seal_payload(source: Path, target: Path, manifest: Manifest, keys: Keys) -> None:
    """Seal a payload into another folder, with its envelope; each file is held against the manifest while it is read.

    Raises PlatformError when a file changed meanwhile, Refused for a payload with a file of the envelope's name.
    """
    if any(file.path == ENVELOPE for file in manifest.files):
        raise Refused(f"A file of an artifact can't be called {ENVELOPE}.", remedy="Rename it.")
    key, envelope = keys.make(manifest.digest)
    (target / ENVELOPE).write_bytes(envelope)
    for file in manifest.files:
        (target / file.path).parent.mkdir(parents=True, exist_ok=True)
        digest = seal_file(source / file.path, target / file.path, key, Place(manifest.digest, file.path))
        if digest != file.digest:
            raise PlatformError(
                f"{source / file.path} changed while it was being sealed.",
                remedy="Publish again when nothing writes there.",
            )


@contextmanager
def opened(folder: Path, keys: Keys | None) -> Iterator[Path]:
    """Yield an artifact's folder as loaders and checks want it: itself, or its plaintext in private memory.

    The plaintext lies in a folder of this process (0700) on a file system that is memory, and is gone with the block;
    what a killed process leaves there, `sweep` removes.

    Raises VerificationFailed when the keys are missing, or a file is not the one that was sealed there; PlatformError
    where there is no such memory, or not enough.
    """
    if not is_sealed_folder(folder):
        yield folder
        return
    if keys is None:
        raise VerificationFailed(f"{folder} is sealed, and its keys are not here.", remedy="Ask the home that made it.")
    manifest = parse_manifest((folder / MANIFEST).read_bytes())
    key = keys.open(manifest.digest, (folder / ENVELOPE).read_bytes())
    with private_folder() as private:
        for name in (MANIFEST, CERTIFICATE):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, private / name)
        for file in manifest.files:
            _unseal(folder, private, file.path, key, manifest.digest, file.digest)
        yield private


@contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a folder of this process (0700) in memory, which is gone with the block.

    Raises PlatformError where there is no such memory.
    """
    private = Path(tempfile.mkdtemp(dir=_memory(), prefix=f"{_prefix()}{os.getpid()}-{birth(os.getpid())}-"))
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def write_plain(target: Path, pieces: Iterable[bytes], digest: str) -> None:
    """Write a plaintext into private memory.

    Raises PlatformError when it is full, VerificationFailed when the digest is another.
    """
    try:
        with target.open("xb") as writing:
            writing.writelines(pieces)
    except OSError as error:
        raise PlatformError(
            f"The private memory {MEMORY} has no room for {target.name!r}: {error}.",
            remedy="Give it more (a container: --shm-size), or serve fewer models.",
        ) from error
    if sha256_file(target) != digest:
        raise VerificationFailed(
            f"{target.name!r} opens, but is not the file with the digest {digest}.", remedy="Restore it from a backup."
        )


def read_sealed(folder: Path, path: str, keys: Keys) -> Iterator[bytes]:
    """Yield the plaintext of one payload file of a sealed artifact, piece by piece, each proven before it is yielded.

    It is the whole file only when the iteration ends without an error: VerificationFailed names what is wrong.
    """
    artifact = parse_manifest((folder / MANIFEST).read_bytes()).digest
    key = keys.open(artifact, (folder / ENVELOPE).read_bytes())
    with (folder / path).open("rb") as reading:
        yield from unseal(reading, key, Place(artifact, path))


def read_payload(folder: Path, path: str, keys: Keys) -> bytes:
    """Return a small payload file of an artifact whole, sealed or not; raises what `read_sealed` raises."""
    return b"".join(read_sealed(folder, path, keys)) if is_sealed_folder(folder) else (folder / path).read_bytes()


def sweep() -> int:
    """Remove the plaintext that killed processes of this user left in memory; return how many folders there were."""
    gone = 0
    for path in MEMORY.glob(f"{_prefix()}*") if MEMORY.is_dir() else ():
        pid, _, rest = path.name.removeprefix(_prefix()).partition("-")
        if pid.isdigit() and birth(int(pid)) != rest.partition("-")[0]:
            shutil.rmtree(path, ignore_errors=True)
            gone += 1
    return gone


def _unseal(folder: Path, private: Path, path: str, key: bytes, artifact: str, digest: str) -> None:
    sealed, plain = folder / path, private / path
    if sealed.is_symlink() or not sealed.is_file():
        raise VerificationFailed(f"{path!r} of {artifact} is missing, or no plain file.", remedy="Restore it.")
    plain.parent.mkdir(parents=True, exist_ok=True)
    with sealed.open("rb") as reading:
        write_plain(plain, unseal(reading, key, Place(artifact, path)), digest)


def _memory() -> Path:
    """Return the folder for plaintext; raises PlatformError where it isn't memory."""
    try:
        mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    except OSError:
        mounts = []
    if not any(len(one) > 2 and one[1] == str(MEMORY) and one[2] in IN_MEMORY for one in mounts):
        raise PlatformError(
            f"This system has no private memory for files ({MEMORY}), so sealed artifacts can't be opened on it.",
            remedy="Serve them from Linux, or from a home without sealing.",
        )
    return MEMORY


def _prefix() -> str:
    return f"engram-{os.getuid() if hasattr(os, 'getuid') else 0}-"
