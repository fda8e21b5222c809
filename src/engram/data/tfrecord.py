"""TFRecord files of tf.train.Example, read without TensorFlow; every checksum is checked.

Source: the framing of tensorflow/core/lib/io/record_writer.h: a length (uint64, little-endian), the masked CRC32C of
these 8 bytes, the data, the masked CRC32C of the data.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from engram.data.blocks import open_source, read_start, refuse_foreign
from engram.data.example import NotAnExample, features, spell_float
from engram.data.reader import CERTAIN, Found, Reader, Rows, check_columns, no_text, say
from engram.errors import DataError
from engram.lazy import need
from engram.schema.recipe import Source

SUFFIXES = (".tfrecord", ".tfrecords", ".tfrec")
RECORD_LIMIT_BYTES = 64 << 20
_HEADER = struct.Struct("<QI")
_SUM = struct.Struct("<I")
_MASK = 0xA282EAD8


def sniff(head: bytes, name: str) -> float:
    r"""A length, and after it an Example that is exactly as long.

    >>> sniff(b"\x04" + bytes(7) + b"crc?" + b"\n\x02\n\x00", "a"), sniff(b"?", "a.tfrecord-00000-of-00002")
    (1.0, 0.9)
    """
    if len(head) > _HEADER.size + 1 and head[_HEADER.size] == 0x0A:
        length, _ = _HEADER.unpack_from(head)
        size = shift = 0
        for place, byte in enumerate(head[_HEADER.size + 1 : _HEADER.size + 6], 2):
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return CERTAIN if place + size == length else _named(name)
    return _named(name)


def _named(name: str) -> float:
    # Shards are often named rows.tfrecord-00000-of-00010.
    return 0.9 if any(suffix in name.lower() for suffix in SUFFIXES) else 0.0


def look(path: Path, options: Source) -> Found:
    """Return the features of the first record and a sentence that names them."""
    refuse_foreign(read_start(path), path)
    columns = next((tuple(cells) for _, cells in read(path, options)), ())
    return Found(columns, say(path, "TFRecord, one row for each Example", columns))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the Examples of a TFRecord file in flat memory, each with the number of its record.

    The features of an Example have no order, so without `wanted` they come sorted by name.
    A feature with one value is a text (bytes are UTF-8) or a number; one with several is a JSON list, and so is every
    feature of `nested`; one with none is an empty text. Raises DataError with the record and its byte in the file for
    a wrong checksum, an absurd length, a truncated record, what is no Example, a missing feature, several values where
    one is due, bytes that are not UTF-8, NUL, NaN and infinities; MissingExtra without the package of checksums.
    """
    for number, offset, data in _framed(path):
        try:
            found = features(data, wanted)
        except NotAnExample as error:
            message = f"{error} (byte {offset + error.offset + 1} of the file)."
            raise _broken(path, number, message, "Is this a file of tf.train.Example?") from error
        check_columns(tuple(found), wanted or (), path, number)
        cells = {}
        for name in sorted(found) if wanted is None else wanted:
            kind, values = found[name] or ("", [])
            try:
                if name in nested or (wanted is None and len(values) > 1):
                    cells[name] = f"[{','.join([_spell(kind, value, lax=wanted is None) for value in values])}]"
                else:
                    cells[name] = _scalar(kind, values, lax=wanted is None)
            except ValueError as error:
                raise no_text(str(error), path, number, name) from error
        yield number, cells


def _scalar(kind: str, values: Sequence[Any], *, lax: bool) -> str:
    if len(values) > 1:
        raise ValueError(f"a list of {len(values):,}")
    if not values:
        return ""
    return _text(values[0], lax=lax) if kind == "bytes" else _spell(kind, values[0], lax=lax)


def _spell(kind: str, value: Any, *, lax: bool) -> str:
    if kind == "bytes":
        return encode_basestring(_text(value, lax=lax))
    return spell_float(value) if kind == "float" else str(value)


def _text(raw: bytes, *, lax: bool) -> str:
    """Decode a text; where every column is only shown, other bytes are told by their number."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return text
    if lax:
        return f"({len(raw):,} bytes)"
    raise ValueError("bytes that are not UTF-8 text")


def _framed(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield the number of each record, from 1, the byte where its data begins, from 0, and its data."""
    crc32c: Callable[[bytes], int] = need("google_crc32c", extra="train", why="to check the sums of TFRecord").value
    number = offset = 0
    with open_source(path) as stream:
        while header := stream.read(_HEADER.size):
            number += 1
            where = f"that begins at byte {offset + 1} of the file"
            if len(header) < _HEADER.size:
                raise _truncated(path, number, f"the record {where} ends inside its head")
            length, due = _HEADER.unpack(header)
            if _masked(crc32c(header[:8])) != due:
                message = f"the checksum of the length is wrong, in the record {where}."
                raise _broken(path, number, message, "The file is damaged, or it is no TFRecord file.")
            if length > RECORD_LIMIT_BYTES:
                message = f"the record {where} says it has {length:,} bytes; at most {RECORD_LIMIT_BYTES:,} are read."
                raise _broken(path, number, message, "Is this a file of tf.train.Example?")
            body = stream.read(length + _SUM.size)
            if len(body) < length + _SUM.size:
                said = f"the record {where} has {length:,} bytes and a checksum, and only {len(body):,} bytes are left"
                raise _truncated(path, number, said)
            data = body[:length]
            if _masked(crc32c(data)) != _SUM.unpack_from(body, length)[0]:
                message = f"the checksum of the data is wrong, in the record {where}."
                raise _broken(path, number, message, "The file is damaged; write or fetch it again.")
            yield number, offset + _HEADER.size, data
            offset += _HEADER.size + length + _SUM.size


def _masked(crc: int) -> int:
    """Return the checksum as the format stores it: rotated right by 15 bits, plus a constant, in 32 bits."""
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _truncated(path: Path, number: int, said: str) -> DataError:
    return _broken(path, number, f"the file is truncated: {said}.", "Write or fetch it again.")


def _broken(path: Path, number: int, message: str, remedy: str) -> DataError:
    return DataError(f"record {number}: {message}", file=str(path), line=number, remedy=remedy)


READER = Reader("tfrecord", sniff, look, read, SUFFIXES, uniform=False)
