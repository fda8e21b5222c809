"""Sealed files: AES-256-GCM in chunks, each bound to its place in the file and the file to its place in the artifact.

A sealed file is ``ENGRAMS1``, the header's length (4 bytes, big-endian), the header (canonical JSON), and the chunks,
each 16 bytes longer than its plaintext. Every file has a key of its own, HKDF-SHA256 (RFC 5869) of the artifact's data
key, a random salt and the header. A chunk's nonce is 7 random bytes of the header, its number (4 bytes) and a byte that
is 1 for the last one only; the header is associated data of every chunk. So a chunk that is moved, left out or swapped
with another file's doesn't open, nor does a file that ends early or lies in another artifact or under another path.
The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, 2015). GCM doesn't commit to its key, so the header does. Digests elsewhere are of the plaintext.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engram.errors import UsageError, VerificationFailed
from engram.files import canonical_json

FORMAT = "engram.sealed/1"
MAGIC = b"ENGRAMS1"
KEY_BYTES = 32
SALT_BYTES, NONCE_PREFIX_BYTES, TAG_BYTES, LENGTH_BYTES = 32, 7, 16, 4
CHUNK_BYTES = 1 << 16
MAX_CHUNK_BYTES = 1 << 20  # what a reader holds of a foreign file
MAX_HEADER_BYTES = 1 << 13
MAX_CHUNKS = 1 << 32


@dataclass(frozen=True)
class Place:
    """Where a sealed file belongs: the artifact's or dataset's id, and the path inside it."""

    artifact: str
    path: str


@dataclass(frozen=True)
class _Header:
    """What stands before the chunks; bytes as hex."""

    format: str
    artifact: str
    path: str
    chunk_bytes: int
    key_check: str
    salt: str
    nonce: str


@dataclass(frozen=True)
class _Cipher:
    """The file's own key, with what every chunk is bound to."""

    aead: AESGCM
    prefix: bytes
    header: bytes

    def nonce(self, index: int, last: bool) -> bytes:
        return self.prefix + index.to_bytes(4, "big") + bytes([last])

    def seal(self, plain: bytes, index: int, last: bool) -> bytes:
        return self.aead.encrypt(self.nonce(index, last), plain, self.header)

    def open(self, sealed: bytes, index: int, last: bool) -> bytes | None:
        try:
            return self.aead.decrypt(self.nonce(index, last), sealed, self.header)
        except InvalidTag:
            return None


def seal(reading: BinaryIO, writing: BinaryIO, data_key: bytes, place: Place, *, chunk_bytes: int = CHUNK_BYTES) -> str:
    """Seal a stream; return the digest of its plaintext. Memory holds two chunks, however long it is.

    data_key: 32 bytes, the artifact's own; the home's keys wrap it. UsageError is raised for a key of another length.

    >>> import io
    >>> sealed, place = io.BytesIO(), Place("sha256:00", "README.md")
    >>> seal(io.BytesIO(b"hello"), sealed, bytes(32), place)[:14]
    'sha256:2cf24db'
    >>> b"".join(unseal(io.BytesIO(sealed.getvalue()), bytes(32), place))
    b'hello'
    """
    if not 0 < chunk_bytes <= MAX_CHUNK_BYTES:
        raise UsageError(f"A chunk has 1 to {MAX_CHUNK_BYTES} bytes, not {chunk_bytes}.")
    header = _Header(
        FORMAT,
        place.artifact,
        place.path,
        chunk_bytes,
        _key_check(data_key),
        os.urandom(SALT_BYTES).hex(),
        os.urandom(NONCE_PREFIX_BYTES).hex(),
    )
    content = canonical_json(asdict(header))
    if len(content) > MAX_HEADER_BYTES:
        raise UsageError(f"The path {place.path[:80]!r} is too long to be sealed.", remedy="Use shorter names.")
    cipher, state = _cipher(data_key, header, content), hashlib.sha256()
    writing.write(MAGIC + len(content).to_bytes(LENGTH_BYTES, "big") + content)
    index, plain = 0, _read(reading, chunk_bytes)
    while True:
        following = _read(reading, chunk_bytes) if len(plain) == chunk_bytes else b""
        state.update(plain)
        writing.write(cipher.seal(plain, index, not following))
        if not following:
            return "sha256:" + state.hexdigest()
        index, plain = index + 1, following
        if index >= MAX_CHUNKS:
            raise UsageError(f"{place.path!r} has more than {MAX_CHUNKS} chunks.", remedy="Split it.")


def unseal(reading: BinaryIO, data_key: bytes, place: Place) -> Iterator[bytes]:
    """Yield the plaintext of a sealed stream, chunk by chunk; each was proven before it is yielded.

    What was yielded is the file only when the iteration ends without an error: a cut end is seen at the end. Raises
    VerificationFailed naming what is wrong: the key, the place, or the chunk.
    """
    header, content = _read_header(reading, place)
    if header.artifact != place.artifact or header.path != place.path:
        raise VerificationFailed(
            f"The sealed file at {place.path!r} of {place.artifact} was sealed as {header.path!r} of "
            f"{header.artifact}: it was moved there.",
            remedy="Restore the right file from a backup.",
        )
    if not hmac.compare_digest(header.key_check, _key_check(data_key)):
        raise VerificationFailed(
            f"The key does not fit {place.path!r} of {place.artifact}: it was sealed with another data key.",
            remedy="Restore keys/ and the artifact's envelope from the same backup.",
        )
    cipher, size = _cipher(data_key, header, content), header.chunk_bytes + TAG_BYTES
    index, sealed = 0, _read(reading, size)
    while True:
        following = _read(reading, size) if len(sealed) == size else b""
        last = not following
        plain = cipher.open(sealed, index, last) if len(sealed) >= TAG_BYTES else None
        if plain is None:
            cut = last and (len(sealed) < TAG_BYTES or cipher.open(sealed, index, False) is not None)
            raise _broken(place, index, cut)
        yield plain
        if last:
            return
        index, sealed = index + 1, following


def _read_header(reading: BinaryIO, place: Place) -> tuple[_Header, bytes]:
    start = _read(reading, len(MAGIC) + LENGTH_BYTES)
    length = int.from_bytes(start[len(MAGIC) :], "big")
    if start[: len(MAGIC)] != MAGIC or len(start) != len(MAGIC) + LENGTH_BYTES or length > MAX_HEADER_BYTES:
        raise _no_header(place, "it does not begin as a sealed file does")
    content = _read(reading, length)
    try:
        header = _Header(**json.loads(content))
        sizes = (len(bytes.fromhex(header.salt)), len(bytes.fromhex(header.nonce)))
        if len(content) != length or canonical_json(asdict(header)) != content or header.format != FORMAT:
            raise ValueError("another format")
        if sizes != (SALT_BYTES, NONCE_PREFIX_BYTES) or type(header.chunk_bytes) is not int:
            raise ValueError("sizes that none of ours has")
        if not 0 < header.chunk_bytes <= MAX_CHUNK_BYTES or not isinstance(header.key_check, str):
            raise ValueError("sizes that none of ours has")
        if not header.key_check.isascii():
            raise ValueError("a key that none of ours has")
    except (ValueError, TypeError, RecursionError) as error:
        raise _no_header(place, "its header is damaged") from error
    return header, content


def _cipher(data_key: bytes, header: _Header, content: bytes) -> _Cipher:
    info = b"engram.sealed/1 file " + content
    key = HKDF(SHA256(), KEY_BYTES, salt=bytes.fromhex(header.salt), info=info).derive(data_key)
    return _Cipher(AESGCM(key), bytes.fromhex(header.nonce), content)


def _key_check(data_key: bytes) -> str:
    """Return 16 bytes that name a data key and tell nothing about it, in hex."""
    if len(data_key) != KEY_BYTES:
        raise UsageError(f"A data key has {KEY_BYTES} bytes, not {len(data_key)}.")
    return HKDF(SHA256(), 16, salt=None, info=b"engram.sealed/1 key check").derive(data_key).hex()


def _read(reading: BinaryIO, size: int) -> bytes:
    """Read exactly so many bytes, or what there is before the end; raw streams may give fewer at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := reading.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _broken(place: Place, index: int, cut: bool) -> VerificationFailed:
    where = f"{place.path!r} of {place.artifact}"
    if cut:
        return VerificationFailed(
            f"The sealed file {where} ends early, in or after chunk {index}: its end is missing.",
            remedy="Restore it from a backup.",
        )
    return VerificationFailed(
        f"Chunk {index} of the sealed file {where} is not the one that was sealed there: it was changed, swapped or "
        "cut.",
        remedy="Restore the file from a backup.",
    )


def _no_header(place: Place, why: str) -> VerificationFailed:
    return VerificationFailed(
        f"{place.path!r} of {place.artifact} can't be unsealed: {why}.", remedy="Restore it from a backup."
    )
