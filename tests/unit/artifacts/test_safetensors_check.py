"""Only a sound safetensors file passes, and looking at a huge one costs no memory."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from certified import safetensors
from hypothesis import given
from hypothesis import strategies as st

from engram.artifacts.safetensors_check import MAX_HEADER_BYTES, check_safetensors
from engram.errors import Refused


def packed(header: Any, data: int, *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(data)


def tensor(start: int, end: int, shape: list[Any], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def check(folder: Path, content: bytes) -> int:
    (folder / "x.safetensors").write_bytes(content)
    return check_safetensors(folder / "x.safetensors")


def test_sound_files_pass(tmp_path: Path):
    assert check(tmp_path, safetensors(a=(2, 3), b=(), c=(0, 4), d=(5,))) == 4
    assert check(tmp_path, packed({}, 0)) == 0
    header = {"__metadata__": {"format": "pt"}, "z": tensor(0, 2, [2], "U8"), "a": tensor(2, 6, [2], "BF16")}
    assert check(tmp_path, packed(header, 6)) == 2
    assert check(tmp_path, packed(b'{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}   ', 2)) == 1


def test_files_of_the_library_itself_pass(tmp_path: Path):
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors.numpy")
    arrays = {"w": numpy.ones((3, 4), "float32"), "i": numpy.arange(5), "s": numpy.array(1, "float16")}
    assert check(tmp_path, library.save(arrays, metadata={"format": "np"})) == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "truncated"),
        (b"\0\0\0", "truncated"),
        (packed({}, 0, length=3), "truncated"),
        (packed({}, 0, length=2**63), "truncated"),
        (packed(b"{}"[:1], 0), "refused"),
        (packed(b" {}", 0), "begin with"),
        (packed(b"[]", 0), "begin with"),
        (packed(b"\xff\xfe", 0), "begin with"),
        (packed(b'{"a":NaN}', 0), "holds NaN"),
        (packed(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", 0), "nested"),
        (packed(b'{"a":%b,"a":%b}' % ((json.dumps(tensor(0, 4, [1])).encode(),) * 2), 4), "twice"),
        (packed(b'{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1), "twice"),
        (packed({"a": tensor(0, 4, [1]), "b": tensor(0, 4, [1])}, 4), "overlaps"),
        (packed({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, 12), "overlaps"),
        (packed({"a": tensor(0, 4, [1]), "b": tensor(8, 12, [1])}, 12), "gap of 4"),
        (packed({"a": tensor(4, 8, [1])}, 8), "gap of 4"),
        (packed({"a": tensor(0, 8, [1])}, 8), "needs 4"),
        (packed({"a": tensor(0, 4, [2])}, 4), "needs 8"),
        (packed({"a": tensor(0, 1, [1], "F4")}, 1), "needs 0.5"),
        (packed({"a": tensor(0, 4, [1])}, 3), "truncated"),
        (packed({"a": tensor(0, 4, [1])}, 5), "padded"),
        (packed({}, 1), "padded"),
        (packed({"a": tensor(4, 0, [1])}, 4), "needs 4"),
        (packed({"a": tensor(0, 4, [-1])}, 4), "whole numbers"),
        (packed({"a": tensor(0, 4, [1.0])}, 4), "whole numbers"),
        (packed({"a": tensor(0, 4, [True])}, 4), "whole numbers"),
        (packed({"a": tensor(0, 4, [2**63])}, 4), "whole numbers"),
        (packed({"a": tensor(0, 4, [1] * 65)}, 4), "whole numbers"),
        (packed({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}, 4), "whole numbers"),
        (packed({"a": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}}, 4), "whole numbers"),
        (packed({"a": tensor(0, 4, [1], "PICKLE")}, 4), "dtype"),
        (packed({"a": {**tensor(0, 4, [1]), "code": "x"}}, 4), "must have"),
        (packed({"a": 1}, 0), "must have"),
        (packed({"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}, 4), "refused"),
    ],
)
def test_unsound_files_are_refused_with_the_reason(tmp_path: Path, content: bytes, why: str):
    with pytest.raises(Refused, match=why):
        check(tmp_path, content)


def test_a_huge_header_is_refused_with_flat_memory(tmp_path: Path):
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        stream.truncate(MAX_HEADER_BYTES * 8)
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="at most"):
            check_safetensors(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_huge_tensor_is_not_read(tmp_path: Path):
    path = tmp_path / "big.safetensors"
    size = 1 << 32
    head = packed({"w": tensor(0, size, [size // 4])}, 0)
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(len(head) + size)
    tracemalloc.start()
    try:
        assert check_safetensors(path) == 1
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@given(st.data())
def test_no_flipped_bit_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    content = bytearray(safetensors(a=(2,), b=(3,)))
    at = data.draw(st.integers(0, len(content) * 8 - 1))
    content[at // 8] ^= 1 << at % 8
    path = tmp_path_factory.mktemp("flip") / "x.safetensors"
    path.write_bytes(content)
    try:
        check_safetensors(path)
    except Refused:
        return
