"""Envelopes: the data key of each artifact and dataset, wrapped by a key-encryption key (KEK) of the home.

`keys/kek.json` (0600) holds the KEKs, `keys/kek.ids` only their names: it shows that a lost file was there. Rotating
makes a new KEK and wraps the data keys again; sealed data is never touched. An old KEK is forgotten only when no
envelope names it any more, so a crash in between loses nothing.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engram.artifacts.seal import KEY_BYTES
from engram.errors import VerificationFailed
from engram.files import canonical_json, read_private, write_atomic, write_private

KEYS_FILE, IDS_FILE = "kek.json", "kek.ids"
KEYS_FORMAT, FORMAT = "engram.kek/1", "engram.envelope/1"
NONCE_BYTES = 12


@dataclass(frozen=True)
class KekRing:
    """The home's KEKs by their id, and the one that wraps now."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class DataKey:
    """A data key in clear, and the envelope to be stored beside what it seals."""

    key: bytes = field(repr=False)
    envelope: bytes


def load_or_create_keks(keys_folder: Path) -> KekRing:
    """Load the home's KEKs, or make the first one where there never was any.

    Raises VerificationFailed when they are lost, damaged, or readable by others: what was sealed with a lost KEK is
    lost with it, and a new one would hide that.
    """
    path, ids = keys_folder / KEYS_FILE, keys_folder / IDS_FILE
    if path.exists():
        ring = _read(path)
        if not ids.exists():  # a crash between the two files
            _write_ids(keys_folder, ring)
        return ring
    if ids.exists():
        raise VerificationFailed(
            f"The key-encryption keys {path} are lost; {ids.name} names {ids.read_text('utf-8').split()}. Every "
            "artifact and dataset that was sealed with them can't be opened. Certificates still verify.",
            remedy=f"Restore {KEYS_FILE} from a backup of keys/.",
        )
    return _write(keys_folder, _with_new(KekRing("", {})))


def rotate_kek(keys_folder: Path) -> KekRing:
    """Wrap with a new KEK from now on; the old ones still open what they wrapped."""
    return _write(keys_folder, _with_new(load_or_create_keks(keys_folder)))


def make_data_key(ring: KekRing, artifact: str) -> DataKey:
    """Make a random data key for an artifact or dataset, wrapped by the current KEK.

    >>> ring = KekRing("kek-1", {"kek-1": bytes(32)})
    >>> made = make_data_key(ring, "sha256:00")
    >>> open_data_key(ring, "sha256:00", made.envelope) == made.key
    True
    """
    key = secrets.token_bytes(KEY_BYTES)
    return DataKey(key, _wrap(ring, artifact, key))


def open_data_key(ring: KekRing, artifact: str, envelope: bytes) -> bytes:
    """Return the data key in an artifact's envelope.

    Raises VerificationFailed when the home has no such KEK, or the envelope was changed or is another artifact's.
    """
    said = _parse(artifact, envelope)
    kek = ring.keys.get(said["kek"])
    if kek is None:
        raise VerificationFailed(
            f"{artifact} is sealed under the key {said['kek']!r}, which this home doesn't have "
            f"(it has {', '.join(sorted(ring.keys))}).",
            remedy=f"Restore {KEYS_FILE} from the backup that belongs to this artifact.",
        )
    if said["artifact"] != artifact:
        raise VerificationFailed(
            f"The envelope beside {artifact} is that of {said['artifact']!r}: it was moved there.",
            remedy="Restore the right envelope from a backup.",
        )
    try:
        bound = _bound(artifact, said["kek"])
        return AESGCM(kek).decrypt(base64.b64decode(said["nonce"]), base64.b64decode(said["wrapped"]), bound)
    except (InvalidTag, ValueError) as error:
        raise VerificationFailed(
            f"The envelope of {artifact} does not open with the key {said['kek']!r}: the key is wrong or the envelope "
            "was changed.",
            remedy="Restore keys/ and the envelope from the same backup.",
        ) from error


def rewrap(ring: KekRing, artifact: str, envelope: bytes) -> bytes:
    """Return an envelope that holds the same data key under the current KEK."""
    if kek_of(artifact, envelope) == ring.current:
        open_data_key(ring, artifact, envelope)
        return envelope
    return _wrap(ring, artifact, open_data_key(ring, artifact, envelope))


def rewrap_files(ring: KekRing, envelopes: Mapping[str, Path]) -> int:
    """Wrap every envelope (artifact id → file) under the current KEK; return how many were changed.

    It can be broken off and begun again at any time.
    """
    changed = 0
    for artifact, path in envelopes.items():
        old = path.read_bytes()
        new = rewrap(ring, artifact, old)
        if new != old:
            write_atomic(path, new)
            changed += 1
    return changed


def forget_keks(keys_folder: Path, in_use: Iterable[str]) -> KekRing:
    """Forget the old KEKs that no envelope names; `in_use` are the ids that `kek_of` gives for all envelopes.

    Raises VerificationFailed when an envelope names one that is not there.
    """
    ring, wanted = load_or_create_keks(keys_folder), set(in_use)
    if missing := wanted - set(ring.keys):
        raise VerificationFailed(
            f"Envelopes name keys that this home doesn't have: {', '.join(sorted(missing))}.",
            remedy=f"Restore {KEYS_FILE} from a backup before anything is forgotten.",
        )
    kept = {kid: key for kid, key in ring.keys.items() if kid in wanted or kid == ring.current}
    return _write(keys_folder, KekRing(ring.current, kept))


def kek_of(artifact: str, envelope: bytes) -> str:
    """Return the id of the KEK that an envelope names; whether it opens is another matter.

    >>> kek_of("a", make_data_key(KekRing("kek-1", {"kek-1": bytes(32)}), "a").envelope)
    'kek-1'
    """
    return str(_parse(artifact, envelope)["kek"])


def _wrap(ring: KekRing, artifact: str, key: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    wrapped = AESGCM(ring.keys[ring.current]).encrypt(nonce, key, _bound(artifact, ring.current))
    return canonical_json(
        {
            "format": FORMAT,
            "artifact": artifact,
            "kek": ring.current,
            "nonce": base64.b64encode(nonce).decode(),
            "wrapped": base64.b64encode(wrapped).decode(),
        }
    )


def _bound(artifact: str, kek: str) -> bytes:
    return canonical_json({"format": FORMAT, "artifact": artifact, "kek": kek})


def _parse(artifact: str, envelope: bytes) -> dict[str, str]:
    try:
        said: dict[str, Any] = json.loads(envelope)
        if set(said) != {"format", "artifact", "kek", "nonce", "wrapped"} or said["format"] != FORMAT:
            raise ValueError("another format")
        if not all(isinstance(each, str) for each in said.values()) or canonical_json(said) != envelope:
            raise ValueError("another form")
        for name in ("nonce", "wrapped"):
            if base64.b64encode(base64.b64decode(said[name], validate=True)).decode() != said[name]:
                raise ValueError("not canonical base64")
    except (ValueError, TypeError, RecursionError) as error:
        raise VerificationFailed(
            f"The envelope of {artifact} can't be read: {error}.", remedy="Restore it from a backup."
        ) from error
    return said


def _with_new(ring: KekRing) -> KekRing:
    kid = f"kek-{secrets.token_hex(6)}"
    return KekRing(kid, {**ring.keys, kid: secrets.token_bytes(KEY_BYTES)})


def _write(keys_folder: Path, ring: KekRing) -> KekRing:
    keys = {kid: base64.b64encode(key).decode() for kid, key in ring.keys.items()}
    said = {"format": KEYS_FORMAT, "current": ring.current, "keys": keys}
    write_private(keys_folder / KEYS_FILE, canonical_json(said))
    _write_ids(keys_folder, ring)
    return ring


def _write_ids(keys_folder: Path, ring: KekRing) -> None:
    write_atomic(keys_folder / IDS_FILE, "".join(f"{kid}\n" for kid in sorted(ring.keys)).encode())


def _read(path: Path) -> KekRing:
    try:
        said = json.loads(read_private(path))
        if said["format"] != KEYS_FORMAT:
            raise ValueError(f"its format is {said['format']!r}, expected {KEYS_FORMAT!r}")
        keys = {str(kid): base64.b64decode(key, validate=True) for kid, key in said["keys"].items()}
        if said["current"] not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError("a key is missing or has another length")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationFailed(
            f"{path} does not hold key-encryption keys: {error}. What is sealed can't be opened without them.",
            remedy="Restore it from a backup of keys/.",
        ) from error
    return KekRing(said["current"], keys)
