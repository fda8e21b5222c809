"""What trainers hand in: two files by name, in pieces that may be sent again; looked at before anybody opens them."""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram import files
from engram.artifacts.safetensors_check import check_safetensors
from engram.errors import Changed, Refused, UsageError
from engram.pipeline.folder import RunFolder
from engram.proc import crashpoint
from engram.schema.candidate import DIGEST, RECORD, WEIGHTS, check_candidate

MOST_BYTES = {RECORD: 64 * 2**10, WEIGHTS: 64 * 2**30}
# Nothing is taken in that would leave the disk fuller than this.
LEAST_FREE = 0.05
_writing = threading.Lock()  # a piece is looked at and written in one go


@dataclass(frozen=True)
class Piece:
    """A piece of a file. size, digest: of the whole file; offset: where the piece begins."""

    file: str
    size: int
    digest: str
    offset: int
    content: bytes


def receive(folder: RunFolder, attempt: int, piece: Piece) -> int:
    """Write a piece where the last one ended, and return how many bytes have arrived; the whole file is checked.

    A piece that is there already changes nothing. Raises UsageError for another file, a size or digest that is none,
    Refused for a file that is too large, no room on the disk, and a file that is not what its name says; Changed when
    the whole is not what its digest says, and it begins anew.
    """
    _check_named(piece)
    place = incoming(folder, attempt) / piece.file
    with _writing:
        if place.exists():
            if files.sha256_file(place) == piece.digest:
                return piece.size
            place.unlink()  # another candidate of the same attempt
        part = place.with_name(f"{place.name}.{piece.digest[-16:]}.part")
        present = part.stat().st_size if part.exists() else 0
        if present >= piece.size:  # whole, but a crash kept it from its name
            return _finish(part, place, piece)
        if piece.offset != present or not piece.content:
            return present
        if present + len(piece.content) > piece.size:
            raise UsageError(f"A piece of {len(piece.content)} bytes at {present} does not fit in {piece.size}.")
        _check_room(folder.path, piece.size - present)
        place.parent.mkdir(exist_ok=True)
        with part.open("ab") as stream:
            stream.write(piece.content)
            stream.flush()
            os.fsync(stream.fileno())
        crashpoint("candidate.after-piece")
        present += len(piece.content)
        return _finish(part, place, piece) if present == piece.size else present


def hand_in(folder: RunFolder, attempt: int) -> None:
    """Put a whole candidate where the judge looks for one; the record comes last, so that a crash leaves none.

    Raises Refused when it isn't whole, isn't this run's, or names other weights than those that came with it.
    """
    arrived = incoming(folder, attempt)
    if not (arrived / RECORD).is_file() or not (arrived / WEIGHTS).is_file():
        raise Refused(
            f"There is no whole candidate of run {folder.id}: {RECORD} and {WEIGHTS} must have arrived.",
            remedy="Upload them: POST /api/v1/modulation/artifacts/upload",
        )
    said = check_candidate(_json(arrived / RECORD), folder.id)
    if files.sha256_file(arrived / WEIGHTS) != said["weights"]:
        raise Refused("The weights are not the ones that the candidate names.", remedy="Upload them again.")
    target = folder.checkpoints / str(said["checkpoint"])
    shutil.rmtree(target, ignore_errors=True)  # what an earlier hand-in left that a crash cut off
    with files.new_folder(target) as making:
        shutil.copyfile(arrived / WEIGHTS, making / WEIGHTS)
    crashpoint("candidate.before-record")
    files.write_json(folder.candidate, dict(said))
    for old in folder.path.glob("incoming-*"):
        shutil.rmtree(old, ignore_errors=True)


def incoming(folder: RunFolder, attempt: int) -> Path:
    """Return where the files of an attempt's candidate arrive."""
    return folder.path / f"incoming-{attempt}"


def _finish(part: Path, place: Path, piece: Piece) -> int:
    """Look at a whole file and give it its name; one that is not what it should be goes."""
    try:
        if files.sha256_file(part) != piece.digest:
            raise Changed(f"{piece.file} arrived, but is not {piece.digest}.", remedy="Send it again from the start.")
        if place.name == WEIGHTS:
            check_safetensors(part, WEIGHTS)
        else:
            _json(part)
    except Exception:
        part.unlink()
        raise
    part.replace(place)
    files.fsync_folder(place.parent)
    return piece.size


def _check_named(piece: Piece) -> None:
    if piece.file not in MOST_BYTES:
        raise UsageError(
            f"A candidate has no file {piece.file[:80]!r}.", remedy=f"It has two: {', '.join(sorted(MOST_BYTES))}."
        )
    if not DIGEST.fullmatch(piece.digest):
        raise UsageError(f"{piece.digest[:80]!r} is no digest: expected sha256: and 64 hex digits.")
    if not 0 < piece.size <= MOST_BYTES[piece.file]:
        raise Refused(f"{piece.file} has 1 to {MOST_BYTES[piece.file]} bytes, not {piece.size}.")


def _check_room(folder: Path, more: int) -> None:
    disk = shutil.disk_usage(folder)
    if disk.free - more < LEAST_FREE * disk.total:
        raise Refused(
            f"There is no room for {more} bytes: {disk.free} of {disk.total} are free, and 5 % stay so.",
            remedy="Make room with: engram gc",
        )


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refused(f"{RECORD} is no JSON: {error}.", remedy="Hand in what `engram trainer` leaves.") from error
