"""A home that seals its artifacts: its keys, sealing what was open, and rotating what wraps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engram.artifacts.opened import ENVELOPE
from engram.artifacts.sealing import seal_store
from engram.errors import UsageError, VerificationFailed
from engram.security.envelope import (
    IDS_FILE,
    KEYS_FILE,
    forget_keks,
    kek_of,
    load_or_create_keks,
    make_data_key,
    open_data_key,
    rewrap_files,
    rotate_kek,
)


@dataclass(frozen=True)
class HomeKeys:
    """The data keys of a home's artifacts; the home seals from its first key-encryption key on, and never stops."""

    home: Path

    @property
    def sealing(self) -> bool:
        """Tell whether the home seals; a lost key is an error when it is used, and no reason to write in clear."""
        return any((self.home / "keys" / name).exists() for name in (KEYS_FILE, IDS_FILE))

    def make(self, artifact: str) -> tuple[bytes, bytes]:
        """Return a new data key and its envelope; raises VerificationFailed when the home's keys are lost."""
        made = make_data_key(load_or_create_keks(self.home / "keys"), artifact)
        return made.key, made.envelope

    def open(self, artifact: str, envelope: bytes) -> bytes:
        """Return the data key in an envelope; raises VerificationFailed when it does not open with the home's keys."""
        if not self.sealing:  # and none is made: the home would seal from then on
            raise VerificationFailed(
                f"{artifact} is sealed, and the home {self.home} has no key-encryption keys.",
                remedy="Name the home that sealed it with ENGRAM_HOME, or restore its keys/.",
            )
        return open_data_key(load_or_create_keks(self.home / "keys"), artifact, envelope)


def seal_home(home: Path) -> int:
    """Let a home seal from now on, and seal the artifacts that it has; return how many were sealed now.

    The caller holds the home. Raises VerificationFailed for lost keys and for an artifact that is not as published.
    """
    load_or_create_keks(home / "keys")
    return seal_store(home / "artifacts", HomeKeys(home))


def rotate_home_kek(home: Path) -> tuple[str, int]:
    """Wrap every data key with a new key-encryption key, then forget the old ones; return the new id and how many.

    The caller holds the home. Sealed data is not touched; broken off, it is finished by rotating again.
    Raises UsageError for a home that doesn't seal, VerificationFailed when keys or envelopes are lost or damaged.
    """
    if not HomeKeys(home).sealing:
        raise UsageError(f"The home {home} seals nothing, so it has no such key.", remedy="`engram seal` begins it.")
    ring = rotate_kek(home / "keys")
    found = {
        f"sha256:{path.parent.name}": path
        for path in sorted((home / "artifacts").glob(f"*/{ENVELOPE}"))
        if len(path.parent.name) == 64
    }
    changed = rewrap_files(ring, found)
    forget_keks(home / "keys", {kek_of(artifact, path.read_bytes()) for artifact, path in found.items()})
    return ring.current, changed
