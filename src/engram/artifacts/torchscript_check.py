"""A TorchScript archive, looked at without loading it: the parts that one has, and pickles that name tensors only."""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from engram.errors import Refused

NEEDED = frozenset({"data.pkl", "constants.pkl"})
PART = re.compile(
    r"data\.pkl|constants\.pkl|byteorder|(\.data/)?version|(data|constants)/\d+|code/__torch__(/\w+)+\.py", re.ASCII
)
START = b"PK\x03\x04"
MAX_PARTS, MAX_TEXT_BYTES = 100_000, 64 << 20
NUMBERS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Bool", "Byte")
TENSOR_PARTS = frozenset(
    {"torch._utils _rebuild_tensor_v2", "collections OrderedDict", *(f"torch {kind}Storage" for kind in NUMBERS)}
)


def check_torchscript(file: Path, path: str = "") -> None:
    """Let a TorchScript archive as Engram writes it pass: stored, with one root, and with nothing else in it.

    Raises Refused for any other file: a state dict, an archive of other things, a pickle that names functions. That it
    passes does not make it harmless: it holds a program. It makes it what it claims to be.
    """
    try:
        with file.open("rb") as stream:
            if stream.read(len(START)) != START:
                raise ValueError("it does not begin as an archive")
        with zipfile.ZipFile(file) as archive:
            _check_parts(archive)
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, NotImplementedError) as error:
        raise Refused(
            f"The file {path or file.name!r} is refused: no TorchScript archive: {error}.",
            remedy="Export the model again; nothing else may stand under this name.",
        ) from error


def _check_parts(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if archive.comment:
        raise ValueError("something stands behind its end")
    if len(entries) > MAX_PARTS:
        raise ValueError(f"it has {len(entries)} parts")
    inside = set()
    for entry in entries:
        root, _, part = entry.filename.partition("/")
        if root != "model" or not PART.fullmatch(part) or part in inside:
            raise ValueError(f"{entry.filename[:80]!r} has no place in it")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"{entry.filename[:80]!r} is compressed")
        inside.add(part)
    if lost := sorted(NEEDED - inside):
        raise ValueError(f"it has no {', '.join(lost)}")
    if not any(part.startswith("code/") for part in inside):
        raise ValueError("it holds no code, so it is another kind of archive")
    for part in ("data.pkl", "constants.pkl"):
        _check_pickle(archive, f"model/{part}")


def _check_pickle(archive: zipfile.ZipFile, name: str) -> None:
    """A pickle here may rebuild tensors and name the graph's own classes; what else it names could be called."""
    if archive.getinfo(name).file_size > MAX_TEXT_BYTES:
        raise ValueError(f"{name} is larger than {MAX_TEXT_BYTES} bytes")
    try:
        named = list(_names(archive.read(name)))
    except Exception as error:  # pickletools raises whatever the bytes lead it to
        raise ValueError(f"{name} is no sound pickle: {error}") from error
    for one in named:
        if one not in TENSOR_PARTS and not one.startswith("__torch__."):
            raise ValueError(f"{name} names {one[:80]!r}")


def _names(content: bytes) -> Iterator[str]:
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument)
        elif opcode.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
            yield opcode.name  # what it names is made while it runs
