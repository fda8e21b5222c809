"""Bytes to text: streamed, bounded, and with the place of the first byte that doesn't fit."""

from __future__ import annotations

import io
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from engram.errors import DataError, did_you_mean

BLOCK_BYTES = 1 << 18
HEAD_BYTES = 1 << 16
LINE_LIMIT_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_FOREIGN = {
    b"\xff\xfe": "UTF-16 or UTF-32 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a ZIP archive (an .xlsx workbook is one too)",
    b"\xfd7zXZ\0": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"PAR1": "a Parquet file",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x04\x22\x4d\x18": "an LZ4 archive",
    b"!<arch>\n": "an ar archive",
    b"\x93NUMPY": "a NumPy array, which may hold code",
    b"\x89HDF\r\n": "an HDF5 file",
}
# Pickled objects: protocols 2 to 5 begin with a mark; 0 and 1 are text that begins with an opcode, or with two names.
_PICKLED = re.compile(rb"\x80[\x02-\x05]|\((?:dp|lp|p)\d+\n|\]q\x00|\}q\x00|c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n[(pq]")
_TAR_MARK, _TAR_AT = b"ustar", 257


@dataclass
class Cursor:
    """Where the consumer's present record began, so that a record that never ends is found and named."""

    line: int = 1


def open_source(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises DataError, with the nearest sibling's name, for a missing file, a folder, a pipe or a device.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file (a pipe, a socket or a device)"
            raise DataError(f"{what}, where a file was expected.", file=str(path), remedy="Name a file of rows.")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        remedy = did_you_mean(path.name, siblings) or "Paths are relative to the recipe's folder."
        raise DataError("there is no such file.", file=str(path), remedy=remedy) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"the file can't be opened ({reason}).", file=str(path)) from error


def read_start(path: Path) -> bytes:
    """Return the first 64 KiB of a file of any format, without a byte-order mark.

    Raises DataError for an empty file and for what `open_source` refuses.
    """
    with open_source(path) as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise DataError("the file is empty.", file=str(path), remedy="Name a file with rows in it.")
    return head.removeprefix(_BOM)


def read_head(path: Path) -> bytes:
    """Return the first 64 KiB of a text file without a byte-order mark.

    Raises DataError, in words, for an empty file and for what is plainly not UTF-8 text.
    """
    head = read_start(path)
    refuse_foreign(head, path)
    return head


def refuse_foreign(head: bytes, path: Path) -> None:
    """Raise DataError, in words, when a file begins as archives, pickles and UTF-16 text do, or as Parquet does."""
    packed = {"pickled objects, which may hold code": _PICKLED.match(head) is not None}
    packed["a tar archive"] = head[_TAR_AT : _TAR_AT + len(_TAR_MARK)] == _TAR_MARK
    for what in (what for what, found in packed.items() if found):
        raise DataError(f"this is {what}, not UTF-8 text.", file=str(path), line=1, column=1, remedy=_CONVERT)
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            remedy = "Set format: parquet." if magic == b"PAR1" else _CONVERT
            raise DataError(f"this is {what}, not UTF-8 text.", file=str(path), line=1, column=1, remedy=remedy)
    # Latin text in UTF-16 without a byte-order mark has a NUL at every second byte.
    for start, order in ((1, "little"), (0, "big")):
        half = head[start::2]
        if len(half) > 1 and half.count(0) > 0.4 * len(half) and head[1 - start :: 2].count(0) == 0:
            message = f"this looks like UTF-16 text ({order}-endian), not UTF-8."
            raise DataError(message, file=str(path), line=1, column=start + 1, remedy=_CONVERT)


_CONVERT = "Unpack it, or convert it to UTF-8 text first (for UTF-16: iconv -f UTF-16 -t UTF-8)."


def chunks(path: Path) -> Iterator[str]:
    """Stream the text of a UTF-8 file in pieces of about 256 KiB that may end anywhere, in flat memory.

    A byte-order mark is passed over. Raises DataError with line and byte for bad UTF-8 and NUL.
    """
    kept, offset = b"", 0
    with open_source(path) as stream:
        while block := stream.read(BLOCK_BYTES):
            block = kept + block
            cut = _after_last_character(block)
            if cut:
                yield _decode(path, block[:cut], offset)
            kept, offset = block[cut:], offset + cut
    if kept:
        yield _decode(path, kept, offset)


def _after_last_character(block: bytes) -> int:
    """Return the length of a block without the first bytes, at most three, of a character that goes on after it."""
    for back in range(1, min(4, len(block)) + 1):
        byte = block[-back]
        if byte & 0xC0 != 0x80:  # the first byte of a character
            due = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(block) - back if back < due else len(block)
    return len(block)


def lines(path: Path, cursor: Cursor | None = None) -> Iterator[str]:
    r"""Stream the lines of a UTF-8 file, each with its line end (``\n``, ``\r\n`` or ``\r``), in flat memory.

    A byte-order mark is passed over. Raises DataError with line and byte for bad UTF-8, NUL, a line above 1 MiB
    (which is never read whole) and, when the consumer moves `cursor`, a record above 1 MiB.
    """
    # The lines of a block are cut by io.StringIO: no Python runs per line.
    return chain.from_iterable(io.StringIO(block, newline="") for block in _blocks(path, cursor))


def _blocks(path: Path, cursor: Cursor | None) -> Iterator[str]:
    """Yield text that ends where a line ends."""
    kept, offset = b"", 0
    record, stalled = 0, 0
    with open_source(path) as stream:
        while True:
            fresh = stream.read(BLOCK_BYTES)
            block = kept + fresh
            cut = _after_last_line(block) if fresh else len(block)
            # Only the first line of a block can be longer than a block; the others began within it.
            if kept and _first_line_bytes(block, cut) > LINE_LIMIT_BYTES:
                raise _too_long(path, offset)
            if cut:
                yield _decode(path, block[:cut], offset)
                if cursor is not None:
                    stalled = stalled + cut if cursor.line == record else 0
                    record = cursor.line
                    if stalled > LINE_LIMIT_BYTES:
                        raise _endless(path, record)
            if not fresh:
                return
            kept, offset = block[cut:], offset + cut


def _after_last_line(block: bytes) -> int:
    newline = block.rfind(b"\n")
    # A carriage return at the very end may be the first half of a line end.
    return max(newline, block.rfind(b"\r", newline + 1, len(block) - 1)) + 1


def _first_line_bytes(block: bytes, cut: int) -> int:
    if not cut:
        return len(block) - block.endswith(b"\r")
    ends = [at for at in (block.find(b"\n"), block.find(b"\r")) if at >= 0]
    return min(ends, default=len(block))


def _decode(path: Path, block: bytes, offset: int) -> str:
    if offset == 0 and block.startswith(_BOM):
        return _decode(path, block[len(_BOM) :], len(_BOM))
    nul = block.find(b"\0")
    if nul >= 0:
        raise _bad_byte(path, offset + nul, "a NUL byte, which text never holds")
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        what = f"0x{block[error.start]:02x}, which is not UTF-8 here ({error.reason})"
        raise _bad_byte(path, offset + error.start, what) from error


def locate(path: Path, offset: int) -> tuple[int, int]:
    """Return the line and the byte in that line, both from 1, of a byte of a file."""
    line, start, seen, last = 1, 0, 0, b""
    with open_source(path) as stream:
        while seen < offset:
            block = stream.read(min(BLOCK_BYTES, offset - seen))
            if not block:
                break
            # A line feed right after a carriage return ends the same line, also across two blocks.
            both = last + block
            line += block.count(b"\n") + block.count(b"\r") - both.count(b"\r\n")
            end = max(block.rfind(b"\n"), block.rfind(b"\r"))
            start = seen + end + 1 if end >= 0 else start
            seen, last = seen + len(block), block[-1:]
    return line, offset - start + 1


def _bad_byte(path: Path, offset: int, what: str) -> DataError:
    line, column = locate(path, offset)
    message = f"byte {column} of the line (byte {offset + 1} of the file) is {what}."
    return DataError(message, file=str(path), line=line, column=column, remedy="Save the file as UTF-8 text.")


def _too_long(path: Path, offset: int) -> DataError:
    line, _ = locate(path, offset)
    message = f"the line is longer than {LINE_LIMIT_BYTES >> 20} MiB, the most that one row may be."
    remedy = "Check that the file has line ends, or split the row."
    return DataError(message, file=str(path), line=line, column=LINE_LIMIT_BYTES + 1, remedy=remedy)


def _endless(path: Path, line: int) -> DataError:
    message = f"the record that begins here is longer than {LINE_LIMIT_BYTES >> 20} MiB."
    remedy = "A quote is probably opened and never closed; if quotes are ordinary characters, set quoting: false."
    return DataError(message, file=str(path), line=line, column=1, remedy=remedy)
