"""An ONNX file, looked at without an ONNX library: one model, all of it in this file, standard operators only."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

from engram.errors import Refused

# message → field → the message in it; only what can hold a tensor, a graph or the name of an operator is entered.
# Field numbers: onnx/onnx.proto, which may gain fields but never renumbers them.
INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
GRAPH, OPSETS, VERSION = 7, 8, 1  # of a model
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a tensor
DOMAIN = 7  # of a node
STANDARD = frozenset({b"", b"ai.onnx", b"ai.onnx.ml"})
MAX_DEPTH, MAX_FIELDS = 40, 5_000_000
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
Field = tuple[int, int, int, int]  # number, wire type, start, end


def check_onnx(file: Path, path: str = "") -> int:
    """Return the number of tensors in a sound file; memory stays flat, because tensors are passed over.

    Raises Refused for what is no ONNX model, for tensors that lie in other files (their paths could lead anywhere), and
    for operators outside the standard, which a runtime would have to load a library for.
    """
    try:
        if file.stat().st_size == 0:
            raise ValueError("it is empty")
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Walk(content).model()
    except (ValueError, IndexError) as error:
        raise Refused(
            f"The file {path or file.name!r} is refused: not a sound ONNX model: {error}.",
            remedy="Export it again, with all tensors in one file and standard operators only.",
        ) from error


class _Walk:
    """One pass over the wire format of protocol buffers."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content, self.fields, self.tensors = content, 0, 0

    def model(self) -> int:
        seen = [number for number, _, _, _ in self._fields(0, len(self.content))]
        if seen.count(GRAPH) != 1 or VERSION not in seen or OPSETS not in seen:
            raise ValueError("it does not hold one graph, a version and its operator sets")
        self._enter("model", 0, len(self.content), 0)
        return self.tensors

    def _enter(self, what: str, start: int, end: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        self.tensors += what == "tensor"
        for number, wire, begin, stop in self._fields(start, end):
            if what == "tensor" and (number == EXTERNAL_DATA or (number == DATA_LOCATION and self.content[begin])):
                raise ValueError("a tensor of it lies in another file")
            if what == "node" and number == DOMAIN and (name := self.content[begin:stop]) not in STANDARD:
                raise ValueError(f"it asks for operators of {name[:80].decode('utf-8', 'replace')!r}")
            if wire == BYTES and (inner := INSIDE[what].get(number)):
                self._enter(inner, begin, stop, depth + 1)

    def _fields(self, at: int, end: int) -> Iterator[Field]:
        while at < end:
            self.fields += 1
            if self.fields > MAX_FIELDS:
                raise ValueError(f"it has more than {MAX_FIELDS} fields")
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            begin = at
            if wire == VARINT:
                _, at = self._varint(at, end)
            elif wire == BYTES:
                length, begin = self._varint(at, end)
                at = begin + length
            elif wire in (FIXED_64, FIXED_32):
                at += 8 if wire == FIXED_64 else 4
            else:
                raise ValueError(f"byte {at} is no field")
            if number == 0 or at > end:
                raise ValueError(f"the field at byte {begin} runs past its end")
            yield number, wire, begin, at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if at >= end:
                break
            byte = self.content[at]
            value, at = value | (byte & 0x7F) << shift, at + 1
            if not byte & 0x80:
                return value, at
        raise ValueError(f"byte {at} ends no number")
