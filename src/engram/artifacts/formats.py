"""What may be a payload: nothing that runs code when it is opened, told by name and by content.

This is the one list of what runs code. One thing on it may be published: a file that the recipe asked for by naming its
format, at its one place, and being what it says (`ON_REQUEST`).
"""

from __future__ import annotations

import ast
import io
import pickletools
import zlib
from collections.abc import Collection, Iterable
from pathlib import Path

from engram import files
from engram.artifacts.onnx_check import check_onnx
from engram.artifacts.safetensors_check import check_safetensors
from engram.artifacts.torchscript_check import check_torchscript
from engram.errors import Refused

# A format that a recipe may ask for → the one file by which it brings a program into the artifact. A closed list.
ON_REQUEST = {"torchscript": "torchscript/model.pt"}
CODE_SUFFIXES = {
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".pck"), "a pickle"),
    **dict.fromkeys((".npz", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".whl"), "an archive"),
    **dict.fromkeys((".py", ".pyc", ".pyo", ".pyd", ".sh", ".bat", ".cmd", ".ps1", ".js", ".jar"), "a program"),
    **dict.fromkeys((".so", ".dll", ".dylib", ".exe", ".h5", ".hdf5", ".keras"), "a program, or may hold one"),
}
MAGIC = {
    b"PK\x03\x04": "a zip archive (torch and numpy keep pickles in it)",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"\x7fELF": "a Linux program",
    b"MZ": "a Windows program",
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a macOS or Java program",
    b"\x89HDF": "an HDF5 file (Keras keeps code in it)",
    b"#!": "a script",
}
NUMPY_MAGIC = b"\x93NUMPY"
ZLIB_STARTS = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
HEAD_BYTES = 1 << 20
MAX_RECIPE_BYTES = 16 << 20
BLOCK_BYTES, UNPACKED_BLOCKS = 1 << 16, 64
CALLS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})


def asked_for(exports: Iterable[str]) -> frozenset[str]:
    """Return the paths at which a recipe's exports may hold a program.

    >>> sorted(asked_for(["merged", "torchscript"]))
    ['torchscript/model.pt']
    """
    return frozenset(ON_REQUEST[name] for name in exports if name in ON_REQUEST)


def asked_in(folder: Path) -> frozenset[str]:
    """Return the same for an artifact's folder, by the recipe in it; nothing where there is no readable recipe."""
    recipe = folder / "recipe.json"
    try:
        if recipe.is_symlink() or not recipe.is_file() or recipe.stat().st_size > MAX_RECIPE_BYTES:
            return frozenset()
        return asked_for(name for name in files.read_json(recipe)["export"] if isinstance(name, str))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return frozenset()


def check_format(path: str, file: Path, asked: Collection[str] = ()) -> bool:
    """Let a payload file pass, or say why not; memory stays flat. True for a program that was asked for.

    asked: the paths at which a program was asked for; what stands there must be what its format says.

    Raises Refused for pickles, programs, archives, object arrays and unsound safetensors or ONNX, whatever their names.
    """
    if path in asked:
        check_torchscript(file, path)
        return True
    _refuse_code(path, file)
    return False


def _refuse_code(path: str, file: Path) -> None:
    suffix = Path(path).suffix.lower()
    if suffix in CODE_SUFFIXES:
        raise _refusal(path, f"files named *{suffix} are {CODE_SUFFIXES[suffix]}")
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if suffix == ".safetensors":
        check_safetensors(file, path)
        return  # its first bytes are a length, which may look like any magic
    if suffix == ".onnx":
        check_onnx(file, path)
    for magic, what in MAGIC.items():
        if head.startswith(magic) and (magic != b"MZ" or b"\0" in head):  # a word list may begin with MZ
            raise _refusal(path, f"its content is {what}")
    if head.startswith(NUMPY_MAGIC):
        _check_numpy(path, head)
    elif head.startswith(ZLIB_STARTS) and _is_zlib(head):
        raise _refusal(path, "its content is compressed (joblib keeps pickles so)")
    elif _is_pickle(head):
        raise _refusal(path, "its content is a pickle")


def _is_zlib(head: bytes) -> bool:
    """A text may begin with the same two bytes, so the stream must unpack to its end, or past what was read."""
    unpacking, rest = zlib.decompressobj(), head
    try:
        for _ in range(UNPACKED_BLOCKS):
            unpacking.decompress(rest, BLOCK_BYTES)
            rest = unpacking.unconsumed_tail
            if unpacking.eof or not rest:
                break
    except zlib.error:
        return False
    return unpacking.eof or len(head) == HEAD_BYTES or bool(rest)


def _is_pickle(head: bytes) -> bool:
    """Protocols 2 to 5 announce themselves; 0 and 1 are text, so they must parse to the end and call something."""
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    calls = False
    try:
        for opcode, _, _ in pickletools.genops(io.BytesIO(head)):
            calls = calls or opcode.name in CALLS
    except Exception:  # pickletools raises whatever the bytes lead it to; all of it means "no pickle"
        return False
    return calls


def _check_numpy(path: str, head: bytes) -> None:
    """Read the .npy header (NEP 1) as a literal; an object array is a pickle."""
    wide = 2 if head[6:7] == b"\x01" else 4
    length = int.from_bytes(head[8 : 8 + wide], "little")
    try:
        header = ast.literal_eval(head[8 + wide : 8 + wide + length].decode("latin-1").strip())
        kinds = str(header["descr"])
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError) as error:
        raise _refusal(path, "its numpy header can't be read") from error
    if "O" in kinds:
        raise _refusal(path, "it is a numpy array of objects, which is a pickle")


def _refusal(path: str, why: str) -> Refused:
    return Refused(
        f"The file {path!r} is refused: {why}.",
        remedy="Artifacts hold safetensors, ONNX, JSON and text; what runs code, only when the recipe asks for it.",
    )
