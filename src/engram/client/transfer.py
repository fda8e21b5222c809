"""Files to and from a server in pieces, each of which may be sent or asked for again: a cut costs one piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engram import files
from engram.artifacts.paths import check_path
from engram.client.api import Api
from engram.errors import Changed, VerificationFailed

PIECE_BYTES = 2 * 2**20
TRIES = 3
Progress = Callable[[int, int], None]
BYTES = {"Content-Type": "application/octet-stream"}


def fetch_folder(api: Api, path: str, what: str, target: Path, progress: Progress = lambda done, total: None) -> None:
    """Fetch every file that ``path`` lists into a folder; what is there already and right stays.

    Raises VerificationFailed for a file that is not what the list says, Refused for a name that leads elsewhere.
    """
    listed: Sequence[Mapping[str, Any]] = api.call("GET", path, query={"what": what})["files"]
    total, done = sum(int(one["bytes"]) for one in listed), 0
    for one in listed:
        place, size = target / check_path(str(one["path"])), int(one["bytes"])
        query = {"what": what, "file": str(one["path"])}
        fetch_file(api, path, query, place, size, str(one["digest"]))
        done += size
        progress(done, total)


def fetch_file(api: Api, path: str, query: Mapping[str, Any], place: Path, size: int, digest: str) -> None:
    """Fetch one file, from where an earlier call was cut off; it has its name only when it is whole.

    Raises VerificationFailed when it does not have its digest, and what the server tells.
    """
    if place.is_file() and files.sha256_file(place) == digest:
        return
    part = place.with_name(f"{place.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as stream:
        if stream.tell() > size:
            stream.truncate(0)
        while (at := stream.tell()) < size:
            wanted = {"Range": f"bytes={at}-{min(size, at + PIECE_BYTES) - 1}"}
            answer = api.piece("GET", path, query, wanted)
            if answer.status != 206:
                raise VerificationFailed(f"The server sends no piece of {place.name}.", remedy="Is it an older one?")
            stream.write(answer.content)
    if files.sha256_file(part) != digest:
        part.unlink()
        raise VerificationFailed(f"{place.name} arrived, but is not what the server listed.", remedy="Try again.")
    part.replace(place)


def send_file(
    api: Api, path: str, about: Mapping[str, Any], name: str, file: Path, progress: Progress = lambda done, total: None
) -> None:
    """Send one file, from where the server has it.

    about: what goes with each piece: the run and the epoch.

    Raises what the server tells: Refused, StaleEpoch, Changed when it arrived damaged time and again.
    """
    size, digest = file.stat().st_size, files.sha256_file(file)
    query = {**about, "file": name, "size": size, "digest": digest}
    for left in reversed(range(TRIES)):
        try:
            at = int(_send(api, path, query, 0, b"")["received"])
            with file.open("rb") as stream:
                while at < size:
                    stream.seek(at)
                    at = int(_send(api, path, query, at, stream.read(PIECE_BYTES))["received"])
                    progress(at, size)
            return
        except Changed:
            if not left:
                raise


def _send(api: Api, path: str, query: Mapping[str, Any], offset: int, content: bytes) -> Any:
    return json.loads(api.piece("POST", path, {**query, "offset": offset}, BYTES, content).content)
