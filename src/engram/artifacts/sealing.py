"""Sealing a store that was open until now: every artifact is sealed beside itself, then takes its place."""

from __future__ import annotations

import shutil
from pathlib import Path

from engram.artifacts.manifest import parse_manifest
from engram.artifacts.opened import Keys, is_sealed_folder, seal_payload
from engram.artifacts.paths import CERTIFICATE, MANIFEST
from engram.artifacts.store import PENDING, UNSEALED, is_whole, put_in_place
from engram.errors import VerificationFailed
from engram.files import fsync_folder, fsync_tree


def seal_store(store: Path, keys: Keys) -> int:
    """Seal every artifact that is not sealed yet, and return how many; broken off, it is finished by calling it again.

    Raises VerificationFailed for an artifact that is not as it was published: it is left as it is. Removing a file does
    not wipe a disk: whoever reads the raw device may find the plaintext of before.
    """
    sealed = 0
    for target in sorted(path for path in store.glob("*") if len(path.name) == 64 and not is_sealed_folder(path)):
        if not is_whole(target, target.name, keys):
            raise VerificationFailed(f"{target} is not as it was published.", remedy=f"See: engram verify {target}")
        pending, old = store / f"{PENDING}{target.name}", store / f"{UNSEALED}{target.name}"
        shutil.rmtree(pending, ignore_errors=True)
        pending.mkdir()
        content = (target / MANIFEST).read_bytes()
        seal_payload(target, pending, parse_manifest(content), keys)
        for name in (MANIFEST, CERTIFICATE):
            shutil.copyfile(target / name, pending / name)
        fsync_tree(pending)
        target.replace(old)
        put_in_place(pending, target)
        shutil.rmtree(old)
        fsync_folder(store)
        sealed += 1
    return sealed
