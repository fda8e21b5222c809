"""A small home for tests: a fixed key, a ledger with a clock that tells what it is told, and a tiny artifact."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engram.artifacts.store import publish
from engram.ledger.certificate import certify
from engram.ledger.keys import Signer, signer_from
from engram.ledger.leaf import Draft
from engram.ledger.log import Ledger

FILES = {"README.md": b"# tiny\n", "sub/config.json": b"{}"}
ZERO = "sha256:" + "0" * 64


def make_signer(number: int = 1) -> Signer:
    """Return the same key for the same number."""
    return signer_from(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


def ticking() -> Callable[[], str]:
    """Return a clock that runs without any real time."""
    ticks = count()
    return lambda: f"2026-01-01T00:00:00.{next(ticks):06d}Z"


def draft(number: int) -> Draft:
    """Return an entry that can be told from the others."""
    return Draft("run.declared", f"r_{number}", {"recipe": ZERO, "rows": number})


def make_ledger(folder: Path, entries: int, *, batch: int = 1, key: int = 1) -> Ledger:
    """Return a ledger with so many entries, ``batch`` under each checkpoint."""
    ledger = Ledger.open(folder, make_signer(key), clock=ticking())
    for start in range(0, entries, batch):
        ledger.append_many([draft(i) for i in range(start, min(start + batch, entries))])
    return ledger


def safetensors(**tensors: tuple[int, ...]) -> bytes:
    """Return a file of float32 zeros with these names and shapes."""
    header, at = {}, 0
    for name, shape in tensors.items():
        size = 4
        for width in shape:
            size *= width
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder and return it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@dataclass(frozen=True)
class Home:
    """What a test needs of a home."""

    folder: Path
    signer: Signer
    ledger: Ledger
    staging: Path
    artifact: Path


def make_home(folder: Path, *, before: int = 2, after: int = 0) -> Home:
    """Return a home with one certified artifact, and so many other entries before and after it."""
    signer = make_signer()
    ledger = make_ledger(folder / "ledger", before)
    staging = write_files(folder / "staging", {**FILES, "model.safetensors": safetensors(w=(2,))})
    artifact, _ = publish(
        staging,
        folder / "artifacts",
        {"run": "r_1"},
        lambda manifest, content: certify(
            manifest=manifest, manifest_bytes=content, predicate={"recipe": ZERO}, run="r_1", ledger=ledger
        ),
    )
    for i in range(after):
        ledger.append_many([draft(100 + i)])
    return Home(folder, signer, ledger, staging, artifact)
