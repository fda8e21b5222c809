"""Signed checkpoints: C2SP tlog-checkpoint inside a C2SP signed note.

    <origin>\\n<size>\\n<base64 root>\\n\\n— <name> <base64(key hash || signature)>\\n

Exactly one signature and no extension lines, so that there is one spelling only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engram.errors import VerificationFailed
from engram.ledger.encoding import from_base64, to_base64
from engram.ledger.keys import Signer, VerifierKey
from engram.ledger.merkle import HASH_BYTES

NOTE = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/=]+)\n\n— ([^\n ]+) ([A-Za-z0-9+/=]+)\n")
SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class Checkpoint:
    """The promise that a log named ``origin`` holds exactly ``size`` entries under ``root`` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def sign_checkpoint(size: int, root: bytes, signer: Signer) -> bytes:
    """Return the signed note of a checkpoint; the origin is the key's name."""
    checkpoint = Checkpoint(signer.key.name, size, root)
    signature = signer.sign(checkpoint.text().encode())
    return f"{checkpoint.text()}\n— {signer.key.name} {to_base64(signer.key.hash + signature)}\n".encode()


def open_checkpoint(note: bytes, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a signed note.

    Raises VerificationFailed unless the note is canonical and signed by ``key`` for the log of that name.
    """
    try:
        match = NOTE.fullmatch(note.decode("utf-8"))
        if match is None:
            raise ValueError("it is not 'origin, size, root, blank line, one signature'")
        origin, size, root, name, signed = match.groups()
        checkpoint = Checkpoint(origin, int(size), from_base64(root))
        blob = from_base64(signed)
        if len(checkpoint.root) != HASH_BYTES or len(blob) != len(key.hash) + SIGNATURE_BYTES:
            raise ValueError("its root or its signature has the wrong length")
    except ValueError as error:
        raise VerificationFailed(f"The signed checkpoint can't be read: {error}.") from error
    given = key
    key, until = given.find(f"{name}+{blob[:4].hex()}")
    if (name, blob[:4]) != (key.name, key.hash) or origin != key.name:
        raise VerificationFailed(
            f"The checkpoint of log {origin!r} is signed by {name!r}; expected the log and key {given.id!r}.",
            remedy="Give the public key of the home that signed it with --key.",
        )
    if not key.verifies(blob[4:], checkpoint.text().encode()):
        raise VerificationFailed(f"The checkpoint's signature by {name!r} does not fit its text.")
    if until is not None and checkpoint.size > until:
        raise VerificationFailed(
            f"The checkpoint of {checkpoint.size} entries is signed by {name!r}, which was replaced at {until} entries."
        )
    return checkpoint
