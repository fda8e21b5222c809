"""Files of artifacts and datasets on their way out: a sealed one is opened as it is sent, and lies open nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import FileResponse, StreamingResponse

from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.manifest import parse_manifest
from engram.artifacts.opened import Keys, is_sealed_folder, read_sealed
from engram.artifacts.paths import MANIFEST, RESERVED
from engram.artifacts.sealed_data import read_content
from engram.artifacts.sealed_files import is_sealed
from engram.errors import NotFound
from engram.files import sha256_file
from engram.server.datasets import content_file
from engram.server.platform import Platform
from engram.store.records.datasets import Dataset

MEDIA_TYPE = "application/octet-stream"


def listed(folder: Path) -> list[dict[str, Any]]:
    """Return names, sizes and digests of an artifact's files, those of the plaintext, as its manifest has them."""
    payload = parse_manifest((folder / MANIFEST).read_bytes()).files
    own = [
        {"path": name, "bytes": (folder / name).stat().st_size, "digest": sha256_file(folder / name)}
        for name in sorted(RESERVED)
    ]
    return [*({"path": one.path, "bytes": one.bytes, "digest": one.digest} for one in payload), *own]


def send_content(here: Platform, found: Dataset, name: str, media_type: str = MEDIA_TYPE) -> Response:
    """Answer with the file of a dataset, under a name; raises what `send` raises."""
    path, headers = content_file(here, found), {"ETag": f'"{found.digest}"'}
    if not is_sealed(path):
        return FileResponse(path, media_type=media_type, filename=name, headers=headers)
    named = FileResponse(path, filename=name).headers["content-disposition"]
    return _stream(
        read_content(path, found.digest, HomeKeys(here.home)),
        media_type,
        {**headers, "Content-Length": str(found.bytes), "Content-Disposition": named},
    )


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
    return _stream(read_sealed(folder, path, keys), MEDIA_TYPE, {"Content-Length": str(sizes[path])})


def _stream(pieces: Iterator[bytes], media_type: str, headers: dict[str, str]) -> Response:
    first = list(islice(pieces, 1))  # what doesn't fit is told before anything is sent
    return StreamingResponse(chain(first, pieces), media_type=media_type, headers=headers)
