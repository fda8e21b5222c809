"""Files of artifacts on their way out: a sealed one is opened as it is sent, and lies open nowhere."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import FileResponse, StreamingResponse

from engram.artifacts.manifest import parse_manifest
from engram.artifacts.opened import Keys, is_sealed_folder, read_sealed
from engram.artifacts.paths import MANIFEST, RESERVED
from engram.errors import NotFound
from engram.files import sha256_file

MEDIA_TYPE = "application/octet-stream"


def listed(folder: Path) -> list[dict[str, Any]]:
    """Return names, sizes and digests of an artifact's files, those of the plaintext, as its manifest has them."""
    payload = parse_manifest((folder / MANIFEST).read_bytes()).files
    own = [
        {"path": name, "bytes": (folder / name).stat().st_size, "digest": sha256_file(folder / name)}
        for name in sorted(RESERVED)
    ]
    return [*({"path": one.path, "bytes": one.bytes, "digest": one.digest} for one in payload), *own]


def send(folder: Path, path: str, keys: Keys) -> Response:
    """Answer with one file of an artifact: one that its manifest names, the manifest itself or the certificate.

    Should a later part of a sealed file be damaged, the answer breaks off before its length. Raises NotFound for any
    other path, and VerificationFailed for a key or a beginning that doesn't fit.
    """
    sizes = {one.path: one.bytes for one in parse_manifest((folder / MANIFEST).read_bytes()).files}
    if path not in sizes.keys() | RESERVED or not (folder / path).is_file() or (folder / path).is_symlink():
        raise NotFound(f"The artifact has no file {path[:200]!r}.", remedy=f"{MANIFEST} names them.")
    if path in RESERVED or not is_sealed_folder(folder):
        return FileResponse(folder / path, media_type=MEDIA_TYPE)
    pieces = read_sealed(folder, path, keys)
    first = list(islice(pieces, 1))  # what doesn't fit is told before anything is sent
    return StreamingResponse(chain(first, pieces), media_type=MEDIA_TYPE, headers={"Content-Length": str(sizes[path])})
