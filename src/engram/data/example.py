"""tf.train.Example, read without TensorFlow: the wire format of protocol buffers, only as much as Example needs.

Source: the encoding guide of protocol buffers, and tensorflow/core/example/{example,feature}.proto:
``Example{Features features=1}``, ``Features{map<string, Feature> feature=1}``, ``Feature{oneof: BytesList=1,
FloatList=2, Int64List=3}``, each list ``repeated value=1``, numbers packed or not.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Container, Iterator, Mapping
from typing import Any

from engram.data.reader import MAX_COLUMNS

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_KINDS = {1: "bytes", 2: "float", 3: "int64"}
Wires = Mapping[int, tuple[int, ...]]
_MESSAGES: Wires = {1: (_BYTES,), 2: (_BYTES,), 3: (_BYTES,)}
_LISTS: Mapping[str, Wires] = {
    "bytes": {1: (_BYTES,)},
    "float": {1: (_FIXED32, _BYTES)},
    "int64": {1: (_VARINT, _BYTES)},
}
_FLOAT = struct.Struct("<f")
_LEAST_NORMAL = 2.0**-126
_VARINT_BYTES = 10
_SIGN, _CARRY = 1 << 63, 1 << 64

# The kind of a feature (empty where it has no list) and its values: bytes, floats as their 4 bytes, whole numbers.
Feature = tuple[str, list[Any]]


class NotAnExample(ValueError):
    """Bytes that are no Example; `offset` is where in them, from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def features(data: bytes, wanted: Container[str] | None = None) -> dict[str, Feature | None]:
    r"""Return the features of a serialised Example by name, in their order; those that are not wanted are None.

    Raises NotAnExample for bytes that are no Example, for a name that stands twice and for more than 4,096 features.

    >>> features(b"\n\r\n\x0b\n\x01a\x12\x06\n\x04\n\x02hi")
    {'a': ('bytes', [b'hi'])}
    """
    found: dict[str, Feature | None] = {}
    for number, _, begin, end in _fields(data, 0, len(data), _MESSAGES):
        if number == 2:
            raise NotAnExample("this is a SequenceExample, and only Example is read", begin)
        if number != 1:
            continue
        for field, _, first, last in _fields(data, begin, end, _MESSAGES):
            if field != 1:
                continue
            name, place = _entry(data, first, last)
            if name in found:
                raise NotAnExample(f"the feature {name!r} stands twice", first)
            if len(found) == MAX_COLUMNS:
                raise NotAnExample(f"there are more than {MAX_COLUMNS:,} features", first)
            found[name] = _feature(data, *place) if wanted is None or name in wanted else None
    return found


def spell_float(raw: bytes) -> str:
    """Return the shortest decimal that is the same 32-bit float; raises ValueError for NaN and infinities.

    >>> spell_float(struct.pack("<f", 0.1)), spell_float(struct.pack("<f", 1))
    ('0.1', '1.0')
    """
    (value,) = _FLOAT.unpack(raw)
    if not math.isfinite(value):
        raise ValueError("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")
    # Six digits always survive a normal 32-bit float, and nine always tell it from its neighbours; those below the
    # least normal one have bits for fewer.
    for digits in (6, 7, 8) if abs(value) >= _LEAST_NORMAL or value == 0 else range(1, 9):
        short = float(f"{value:.{digits}g}")
        if _FLOAT.pack(short) == raw:
            return repr(short)
    return repr(float(f"{value:.9g}"))


def _entry(data: bytes, begin: int, end: int) -> tuple[str, tuple[int, int]]:
    """Return the name of a feature and where its value lies."""
    name, place = "", (end, end)
    for number, _, first, last in _fields(data, begin, end, _MESSAGES):
        if number == 1:
            try:
                name = data[first:last].decode()
            except UnicodeDecodeError as error:
                raise NotAnExample("the name of a feature is not UTF-8", first + error.start) from error
        elif number == 2:
            place = first, last
    return name, place


def _feature(data: bytes, begin: int, end: int) -> Feature:
    kind: str = ""
    values: list[Any] = []
    for number, _, first, last in _fields(data, begin, end, _MESSAGES):
        if number not in _KINDS:
            continue
        # Of the members of a oneof the last one counts.
        if _KINDS[number] != kind:
            kind, values = _KINDS[number], []
        values += _values(data, kind, first, last)
    return kind, values


def _values(data: bytes, kind: str, begin: int, end: int) -> Iterator[Any]:
    for number, wire, first, last in _fields(data, begin, end, _LISTS[kind]):
        if number != 1:
            continue
        if kind == "bytes":
            yield data[first:last]
        elif kind == "float":
            if (last - first) % 4:
                raise NotAnExample("a packed list of floats ends inside one", last)
            yield from (data[at : at + 4] for at in range(first, last, 4))
        elif wire == _BYTES:
            at = first
            while at < last:
                value, at = _varint(data, at, last)
                yield value - _CARRY if value >= _SIGN else value
        else:
            yield first - _CARRY if first >= _SIGN else first


def _fields(data: bytes, at: int, end: int, due: Wires) -> Iterator[tuple[int, int, int, int]]:
    """Yield the fields of a message: number, wire type, and where the value lies (a varint: the value itself, end).

    due: the wire types that a field may have, by its number; fields of other numbers may have any.
    """
    while at < end:
        begin, tag = at, data[at]
        if tag < 0x80:
            at += 1
        else:
            tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise NotAnExample(f"{number} is no number of a field", begin)
        if wire not in due.get(number, (wire,)):
            raise NotAnExample(f"the field {number} has wire type {wire}, expected {due[number][0]}", begin)
        if wire == _VARINT:
            first, at = _varint(data, at, end)
            yield number, wire, first, at
            continue
        if wire == _BYTES:
            if at < end and data[at] < 0x80:
                size, at = data[at], at + 1
            else:
                size, at = _varint(data, at, end)
        elif wire in _WIDTHS:
            size = _WIDTHS[wire]
        else:
            raise NotAnExample(f"wire type {wire} has no place in an Example", begin)
        if size > end - at:
            raise NotAnExample(f"a field of {size:,} bytes begins where {end - at:,} are left", begin)
        yield number, wire, at, at + size
        at += size


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, below 2**64, and where it ends."""
    value = 0
    for shift, byte in enumerate(data[at : min(end, at + _VARINT_BYTES)]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value % _CARRY, at + shift + 1
    raise NotAnExample("a number does not end where it should", at)
