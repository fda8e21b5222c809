"""Secrets of the home on disk: JSON or PEM in `keys/`, written whole, readable by their owner only."""

from __future__ import annotations

import os
from pathlib import Path

from engram.errors import NotFound, VerificationFailed
from engram.files import write_atomic

OWNER_ONLY = 0o600


def read_private(path: Path) -> bytes:
    """Read a secret.

    Raises NotFound when it is not there, and VerificationFailed when others than its owner can read it or it is a link.
    """
    if path.is_symlink():
        raise VerificationFailed(f"{path} is a link; a secret must be a file.", remedy="Put the file itself there.")
    try:
        mode = path.stat().st_mode & 0o777
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"There is no {path}.", remedy="Restore it from a backup of the home.") from error
    if os.name != "nt" and mode & 0o077:
        raise VerificationFailed(
            f"{path} has mode {mode:04o}: others can read this secret. Expected 0600.",
            remedy=f"If nobody has copied it, run: chmod 600 {path}",
        )
    return content


def write_private(path: Path, content: bytes) -> None:
    """Write a secret whole, mode 0600, in a folder of mode 0700 if it has to be made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, content, mode=OWNER_ONLY)
