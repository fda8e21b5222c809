"""Is the folder what its manifest says? One `Check` for each file; needs no store, no home and no model library."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from engram.artifacts.formats import asked_in, check_format
from engram.artifacts.manifest import parse_manifest
from engram.artifacts.paths import MANIFEST, payload_files
from engram.errors import EngramError
from engram.files import sha256_file
from engram.schema.check import Check
from engram.schema.manifest import FileEntry


def check_payload(
    folder: Path, manifest_bytes: bytes, certified: tuple[str, Mapping[str, str]] | None = None
) -> Iterator[Check]:
    """Check every payload file against the manifest, and that there are no others.

    certified: the artifact's digest and path → digest, as a certificate states them; the manifest must say the same.
    Yields one Check a step; a manifest that can't be trusted ends it, a bad file does not.
    """
    try:
        manifest = parse_manifest(manifest_bytes)
    except EngramError as error:
        yield Check(MANIFEST, False, str(error))
        return
    listed = {file.path: file.digest for file in manifest.files}
    if certified is not None and certified != (manifest.digest, listed):
        yield Check(MANIFEST, False, "It lists other files or digests than the certificate was given for.")
        return
    try:
        present = dict(payload_files(folder))
    except EngramError as error:
        yield Check("files", False, str(error))
        return
    yield Check("files", True, f"{len(manifest.files)} listed, artifact {manifest.digest}")
    asked = asked_in(folder)
    for file in manifest.files:
        yield _check_file(file, present.get(file.path), asked)
    for path in sorted(set(present) - set(listed)):
        yield Check(path, False, "The file is not in the manifest: it was added after signing.")


def _check_file(file: FileEntry, place: Path | None, asked: Collection[str]) -> Check:
    if place is None:
        return Check(file.path, False, "The file is missing.")
    size = place.stat().st_size
    if size != file.bytes:
        return Check(file.path, False, f"It has {size} bytes; {file.bytes} were signed.")
    digest = sha256_file(place)
    if digest != file.digest:
        return Check(file.path, False, f"Its digest is {digest}; {file.digest} was signed.")
    try:
        runs_code = check_format(file.path, place, asked)
    except EngramError as error:
        return Check(file.path, False, str(error))
    return Check(file.path, True, f"{digest}; executable on request: it holds a program" if runs_code else digest)
