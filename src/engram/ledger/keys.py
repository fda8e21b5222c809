"""The ledger's signing key: Ed25519 (RFC 8032), its public half written as a C2SP signed-note verifier key.

`keys/ledger.key` holds the private half (PKCS #8, PEM, mode 0600); `keys/ledger.pub` one line,
``name+hash8+base64(0x01 || public key)``. `keys/ledger.rotations` holds a line for each replacement of the key,
signed by the old and the new one; what an old key signed until then still verifies.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engram.errors import NotFound, VerificationFailed
from engram.files import write_atomic
from engram.ledger.encoding import from_base64, to_base64

PRIVATE_FILE = "ledger.key"
PUBLIC_FILE = "ledger.pub"
ROTATIONS_FILE = "ledger.rotations"
ROTATION = "engram.key-rotation/1"
ED25519 = b"\x01"
KEY_BYTES = 32


@dataclass(frozen=True)
class VerifierKey:
    """Who signed: a name and the public key. `id` is ``name+hash8``, as certificates name it.

    older: the keys before this one, each with the size of the ledger up to which its checkpoints count.
    """

    name: str
    public: bytes
    older: tuple[tuple[VerifierKey, int], ...] = field(default=(), compare=False)

    @property
    def hash(self) -> bytes:
        """Return the key's 4-byte hash, SHA-256(name || newline || 0x01 || public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def id(self) -> str:
        """Return ``name+hash8``."""
        return f"{self.name}+{self.hash.hex()}"

    @property
    def vkey(self) -> str:
        """Return the one-line form, ``name+hash8+base64(0x01 || public key)``."""
        return f"{self.id}+{to_base64(ED25519 + self.public)}"

    def find(self, id: str) -> tuple[VerifierKey, int | None]:
        """Return the key of an id, this one or an older one, and up to which size of the ledger it counts.

        Another id gives this key, which then doesn't fit.
        """
        return next(((key, until) for key, until in self.older if key.id == id), (self, None))

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether this key made the 64-byte signature over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Rotation:
    """One replacement of the key. size: how many entries the ledger had then; both signatures are over `statement`."""

    old: str
    new: str
    size: int
    by_old: str
    by_new: str

    @property
    def statement(self) -> bytes:
        """Return the text that both keys sign."""
        return f"{ROTATION}\n{self.old}\n{self.new}\n{self.size}\n".encode()

    def holds(self) -> bool:
        """Tell whether both keys have signed it."""
        pairs = ((self.old, self.by_old), (self.new, self.by_new))
        return all(parse_vkey(key).verifies(from_base64(sign), self.statement) for key, sign in pairs)


@dataclass(frozen=True)
class Signer:
    """The private key together with the verifier key that everybody else holds."""

    key: VerifierKey
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature over the message."""
        return self._private.sign(message)


def parse_vkey(line: str) -> VerifierKey:
    """Read a verifier key from its one-line form; one newline at the end is allowed.

    Raises VerificationFailed when it is not exactly such a line or its hash does not fit.
    """
    text = line.removesuffix("\n")
    try:
        name, hash8, encoded = text.split("+", 2)
        decoded = from_base64(encoded)
    except ValueError as error:
        raise _bad_vkey(text, "it is not 'name+hash+base64'") from error
    if not is_key_name(name):
        raise _bad_vkey(text, f"{name!r} is not a key name")
    if decoded[:1] != ED25519 or len(decoded) != 1 + KEY_BYTES:
        raise _bad_vkey(text, "it is not an Ed25519 key")
    key = VerifierKey(name, decoded[1:])
    if hash8 != key.hash.hex():
        raise _bad_vkey(text, f"its hash is {key.hash.hex()}, but the line says {hash8!r}")
    return key


def is_key_name(name: str) -> bool:
    """Tell whether a name may name a key: printable, without blanks and without '+' (C2SP signed-note)."""
    return bool(name) and name.isprintable() and not any(char.isspace() or char == "+" for char in name)


def signer_from(private: Ed25519PrivateKey) -> Signer:
    """Return the signer of a private key; its name follows from the public half, so that it can always be rebuilt."""
    public = private.public_key().public_bytes_raw()
    return Signer(VerifierKey(f"engram/{hashlib.sha256(public).hexdigest()[:16]}", public), private)


def load_or_create_signer(keys_folder: Path) -> Signer:
    """Load the ledger's key, or make one when this home never had any.

    Raises VerificationFailed when a key is lost, mismatched, unreadable, or readable by others than its owner.
    """
    private_path, public_path = keys_folder / PRIVATE_FILE, keys_folder / PUBLIC_FILE
    if not private_path.exists():
        _refuse_loss(keys_folder)
        keys_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(private_path, to_pem(Ed25519PrivateKey.generate()), mode=0o600)
    signer = with_older(signer_from(_read_private(private_path)), keys_folder)
    if not public_path.exists():  # a crash between the two files; nothing is lost, the private half holds both
        write_atomic(public_path, f"{signer.key.vkey}\n".encode())
    public = load_vkey(public_path)
    if any(public == key for key, _ in signer.key.older):  # a crash in a rotation, between the two files
        write_atomic(public_path, f"{signer.key.vkey}\n".encode())
    elif public != signer.key:
        raise VerificationFailed(
            f"{private_path} and {public_path} do not belong together: the private key is {signer.key.id}.",
            remedy="Restore both files from the same backup. What the lost private key signed still verifies "
            "with its own public key; nothing new can be signed with it.",
        )
    return signer


def load_vkey(path: Path) -> VerifierKey:
    """Read a `ledger.pub` file, with the older keys when `ledger.rotations` lies beside it.

    Raises NotFound when there is none and VerificationFailed when it is not a verifier key, or a rotation is forged.
    """
    try:
        key = parse_vkey(path.read_text(encoding="utf-8"))
        return replace(key, older=older_keys(path.parent / ROTATIONS_FILE, key))
    except FileNotFoundError as error:
        raise NotFound(f"There is no public key at {path}.", remedy="Name the signer's ledger.pub.") from error
    except UnicodeDecodeError as error:
        raise VerificationFailed(f"{path} is not a verifier key: it is not text.") from error


def with_older(signer: Signer, keys_folder: Path) -> Signer:
    """Return a signer whose key knows the keys before it."""
    older = older_keys(keys_folder / ROTATIONS_FILE, signer.key)
    return replace(signer, key=replace(signer.key, older=older))


def older_keys(path: Path, key: VerifierKey) -> tuple[tuple[VerifierKey, int], ...]:
    """Return the keys that led to a key, newest first, by the lines of `ledger.rotations`; none without the file.

    A line that leads nowhere, of a rotation that was broken off, is passed over.
    Raises VerificationFailed for a line that can't be read or that its two keys have not both signed.
    """
    found: list[tuple[VerifierKey, int]] = []
    if not path.exists():
        return ()
    newest = key.vkey
    for number, line in reversed([*enumerate(path.read_text(encoding="utf-8").splitlines(), 1)]):
        try:
            one = Rotation(**json.loads(line))
            if type(one.size) is not int or not one.holds():
                raise ValueError("its two keys have not both signed it")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise VerificationFailed(
                f"{path}, line {number} is no rotation of keys: {error}.", remedy="Restore the file from a backup."
            ) from error
        if one.new == newest:
            found.append((parse_vkey(one.old), one.size))
            newest = one.old
    return tuple(found)


def _refuse_loss(keys_folder: Path) -> None:
    """A new key is made only where nothing was ever signed."""
    signed = [
        path for path in (keys_folder / PUBLIC_FILE, keys_folder.parent / "ledger" / "checkpoint") if path.exists()
    ]
    if signed:
        raise VerificationFailed(
            f"The signing key {keys_folder / PRIVATE_FILE} is lost, but {signed[0]} shows that this home has signed "
            "with it. Old certificates still verify with the public key; the ledger can be read but not continued.",
            remedy=f"Restore {PRIVATE_FILE} from a backup, or start a new home with ENGRAM_HOME.",
        )


def _read_private(path: Path) -> Ed25519PrivateKey:
    mode = path.stat().st_mode & 0o777
    if os.name != "nt" and mode & 0o077:
        raise VerificationFailed(
            f"{path} has mode {mode:04o}: others can read the signing key. Expected 0600.",
            remedy=f"If nobody has copied it, run: chmod 600 {path}",
        )
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise _unreadable(path) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _unreadable(path)
    return private


def _unreadable(path: Path) -> VerificationFailed:
    return VerificationFailed(
        f"{path} is not an Ed25519 private key (PKCS #8, PEM): the signing key is damaged or lost.",
        remedy="Restore it from a backup. Old certificates still verify with ledger.pub.",
    )


def _bad_vkey(text: str, why: str) -> VerificationFailed:
    return VerificationFailed(
        f"{text[:80]!r} is not a verifier key: {why}.",
        remedy="Expected one line 'name+hash8+base64', as keys/ledger.pub of the signer's home.",
    )


def to_pem(private: Ed25519PrivateKey) -> bytes:
    """Return a private key as its file holds it (PKCS #8, PEM)."""
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
