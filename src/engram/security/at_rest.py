"""A home that seals its artifacts: its keys, sealing what was open, and rotating what wraps."""

from __future__ import annotations

from pathlib import Path

from engram.artifacts.envelope import (
    forget_keks,
    kek_of,
    load_or_create_keks,
    rewrap_files,
    rotate_kek,
)
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import ENVELOPE
from engram.artifacts.sealed_data import seal_datasets
from engram.artifacts.sealing import seal_store
from engram.errors import UsageError


def seal_home(home: Path) -> int:
    """Let a home seal from now on, and seal the artifacts and datasets that it has; return how many were sealed now.

    The caller holds the home. Raises VerificationFailed for lost keys and for what is not as it was published or kept.
    """
    load_or_create_keks(home / "keys")
    keys = HomeKeys(home)
    return seal_store(home / "artifacts", keys) + seal_datasets(home / "datasets", keys)


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
        for room in ("artifacts", "datasets")
        for path in sorted((home / room).glob(f"*/{ENVELOPE}"))
        if len(path.parent.name) == 64
    }
    changed = rewrap_files(ring, found)
    forget_keks(home / "keys", {kek_of(artifact, path.read_bytes()) for artifact, path in found.items()})
    return ring.current, changed
