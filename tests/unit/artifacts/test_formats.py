"""Nothing that runs code when it is opened becomes a payload, whatever it is called."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import random
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from engram.artifacts.formats import check_format
from engram.errors import Refused


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.place),)


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "M.BIN", "m.pkl", "m.pickle", "m.joblib", "m.npz", "x.py", "x.so"])
def test_names_of_code_are_refused(tmp_path: Path, name: str):
    (tmp_path / "file").write_bytes(b"harmless")
    with pytest.raises(Refused, match=f"{name}.*is refused"):
        check_format(name, tmp_path / "file")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", [bytes, zipped, gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_renamed_pickle_is_refused_and_never_opened(tmp_path: Path, protocol: int, wrap):
    canary = tmp_path / "canary"
    content = wrap(pickle.dumps(Canary(canary), protocol=protocol))
    for name in ("vocab.txt", "config.json", "README"):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(Refused, match="its content is"):
            check_format(name, tmp_path / "file")
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Refused, match="safetensors"):
        check_format("model.safetensors", tmp_path / "file")
    assert not canary.exists()


def test_an_array_of_numbers_passes_and_one_of_objects_does_not(tmp_path: Path):
    (tmp_path / "good.npy").write_bytes(npy(np.arange(6.0).reshape(2, 3)))
    check_format("good.npy", tmp_path / "good.npy")
    for array in (np.array([{}, 1], dtype=object), np.array([(1, None)], dtype=[("a", "i4"), ("b", "O")])):
        (tmp_path / "bad.npy").write_bytes(npy(array, allow_pickle=True))
        for name in ("bad.npy", "renamed.txt"):
            with pytest.raises(Refused, match="objects"):
                check_format(name, tmp_path / "bad.npy")
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{'descr': (")
    with pytest.raises(Refused, match="numpy header"):
        check_format("bad.npy", tmp_path / "bad.npy")


@pytest.mark.parametrize(
    "content",
    [b"", b"text", bytes(1 << 23), random.Random(0).randbytes(3 << 20)],
    ids=["none", "text", "zeros", "noise"],
)
def test_what_zlib_packed_is_refused_however_long(tmp_path: Path, content: bytes):
    for level in (0, 1, 6, 9):
        (tmp_path / "file").write_bytes(zlib.compress(content, level))
        with pytest.raises(Refused, match="compressed"):
            check_format("notes.md", tmp_path / "file")


@pytest.mark.parametrize("content", [b"\x7fELF\x02", b"MZ\x90\0", b"#!/bin/sh\n", b"\x89HDF\r\n", b"\xca\xfe\xba\xbe"])
def test_programs_are_refused_under_any_name(tmp_path: Path, content: bytes):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Refused, match="its content is"):
        check_format("README.md", tmp_path / "file")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"cats\ndogs\nbirds\n",
        b"(a) one\n(b) two\n",
        b"I am a model card.\n",
        b"MZ\nNA\nZA\n",
        b'{"I1": 2}',
        b"#version: 0.2\na b\n",
        b"x\x5e2 + y\n",
        b"x\x5e2 and more words of the same kind, again and again\n" * 50_000,
        "x\u01daz\n".encode(),
        "]K\u20ac.\n".encode(),
    ],
)
def test_plain_text_passes(tmp_path: Path, content: bytes):
    (tmp_path / "vocab.txt").write_bytes(content)
    check_format("vocab.txt", tmp_path / "vocab.txt")
