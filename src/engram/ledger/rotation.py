"""Replacing the ledger's key: the old one signs the new one in, and what it has signed so far still verifies.

A rotation is hygiene, not a remedy for a stolen key: whoever has the old one can still sign what looks older.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engram.files import canonical_json, sha256_bytes, write_atomic
from engram.ledger.encoding import to_base64
from engram.ledger.keys import (
    PRIVATE_FILE,
    PUBLIC_FILE,
    ROTATIONS_FILE,
    Rotation,
    Signer,
    load_or_create_signer,
    signer_from,
    to_pem,
)
from engram.ledger.log import Ledger
from engram.proc import crashpoint


def rotate_ledger_key(keys_folder: Path, ledger: Ledger) -> Signer:
    """Replace the key that signs a ledger; return the new one, with which the ledger must be opened again.

    The rotation is an entry under the old key's checkpoint, and a line that both keys sign. Broken off at any point,
    the home signs with the old key or with the new one, and everything signed so far verifies with either's file.
    The caller holds the home.
    """
    old, private = ledger.signer, Ed25519PrivateKey.generate()
    new = signer_from(private)
    draft = Rotation(old.key.vkey, new.key.vkey, ledger.size + 1, "", "")
    signed = [to_base64(one.sign(draft.statement)) for one in (old, new)]
    rotation = replace(draft, by_old=signed[0], by_new=signed[1])
    line = canonical_json(asdict(rotation))
    ledger.append("key.rotated", new.key.id, {"rotation": sha256_bytes(line)})
    path = keys_folder / ROTATIONS_FILE
    before = path.read_bytes() if path.exists() else b""
    write_atomic(path, before + line + b"\n")
    crashpoint("keys.before-private")
    write_atomic(keys_folder / PRIVATE_FILE, to_pem(private), mode=0o600)
    crashpoint("keys.before-public")
    write_atomic(keys_folder / PUBLIC_FILE, f"{new.key.vkey}\n".encode())
    return load_or_create_signer(keys_folder)
