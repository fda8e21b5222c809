"""Files that belong to rows: named by a cell, below the folder of their source, or written into the cell itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

from engram.data.forms import BadCell
from engram.data.reader import shown
from engram.errors import UsageError, did_you_mean
from engram.files import sha256_file

MOST_BYTES = 64 * 2**20
INLINE, BASE64 = "data:", ";base64"
# How much of a request one file may be: with its base64 it stays below what a core takes in one message.
MOST_ASKED_BYTES = 4 * 2**20


def is_inline(cell: str) -> bool:
    """Tell whether a cell holds the file itself, as a ``data:`` URL."""
    return cell[: len(INLINE)].lower() == INLINE


def from_url(text: str) -> bytes:
    """Return the bytes of a ``data:`` URL (RFC 2397) in base64; what it says of its type is not believed.

    Raises ValueError, in words, for anything else.

    >>> from_url("data:audio/wav;base64,UklGRg==")
    b'RIFF'
    """
    head, comma, body = text.partition(",")
    if not is_inline(head) or not comma or not head.lower().endswith(BASE64):
        raise ValueError("expected a data: URL in base64, as data:;base64,UklGRg…")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"this is no base64 ({error})") from None


def to_url(content: bytes) -> str:
    """Return bytes as a ``data:`` URL, which says nothing of their type: the bytes do.

    >>> from_url(to_url(b"RIFF"))
    b'RIFF'
    """
    return f"{INLINE}{BASE64},{base64.b64encode(content).decode()}"


def asked_file(given: object) -> bytes:
    """Return the file that a request asks about.

    Raises UsageError for anything but a ``data:`` URL of at most 4 MiB of bytes.
    """
    if not isinstance(given, str):
        raise UsageError(
            f"An input of this task is a file as a data: URL, not {type(given).__name__}.",
            remedy="Write data:;base64, and the bytes in base64; or send the file to …/predict/file.",
        )
    try:
        content = from_url(given)
    except ValueError as error:
        raise UsageError(f"The input is no file: {error}.", remedy="Or send the file to …/predict/file.") from None
    if not content:
        raise UsageError("The file is empty.", remedy="Send one with something in it.")
    if len(content) > MOST_ASKED_BYTES:
        told = f"The file has {len(content):,} bytes; at most {MOST_ASKED_BYTES:,} are taken here."
        raise UsageError(told, remedy="Send a shorter one.")
    return content


def locate(cell: str, base: Path, role: str) -> Path:
    """Return the file that a cell names, which lies below `base` wherever links lead.

    Raises BadCell, in words, for a name that is none, leads out of the folder, or is that of no regular file.
    """
    name = PurePosixPath(cell)
    if "\0" in cell or name.is_absolute() or PureWindowsPath(cell).drive or ".." in name.parts or "\\" in cell:
        told = f"{shown(cell)[:200]!r} must be the name of a file below the folder of its rows."
        raise BadCell(role, told, "Write it relative to that folder, with / between folders.")
    path = base / cell
    try:
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(os.path.realpath(base)):
            raise BadCell(role, f"{shown(cell)!r} leads out of the folder {base}.", "Copy the file into the folder.")
        mode = real.stat().st_mode
    except FileNotFoundError:
        near = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        remedy = did_you_mean(path.name, near) or f"Names begin at {base}."
        raise BadCell(role, f"there is no file {shown(cell)!r}.", remedy) from None
    except OSError as error:
        raise BadCell(role, f"the file {shown(cell)[:200]!r} can't be read ({error.strerror}).") from None
    if not stat.S_ISREG(mode):
        raise BadCell(role, f"{shown(cell)!r} is no regular file.")
    return real


def read_attached(cell: str, base: Path, role: str) -> tuple[str, bytes]:
    """Return the name and the content of a cell's file; the name of one that stands in the cell is empty.

    Raises BadCell, in words, for what `locate` refuses, an empty file and one of more than 64 MiB.
    """
    if is_inline(cell):
        try:
            name, content = "", from_url(cell)
        except ValueError as error:
            raise BadCell(role, f"{error}.") from None
    else:
        path = locate(cell, base, role)
        if path.stat().st_size > MOST_BYTES:
            told = f"{shown(cell)!r} has {path.stat().st_size:,} bytes; a file of a row has at most {MOST_BYTES:,}."
            raise BadCell(role, told, "Cut it into shorter ones.")
        name, content = cell, path.read_bytes()
    if not content:
        raise BadCell(role, f"the file {shown(name)!r} is empty." if name else "the file is empty.", "Remove the row.")
    return name, content


def content_digest(content: bytes) -> str:
    """Return the digest of a file's content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_attached(cell: str, base: Path, role: str) -> tuple[str, int]:
    """Return the digest and the bytes of the file that a cell names; nothing for one that stands in the cell itself.

    Raises what `locate` raises.
    """
    if not cell or is_inline(cell):
        return "", 0
    path = locate(cell, base, role)
    return sha256_file(path), path.stat().st_size
