"""The manifest: which files an artifact has, and the one digest that names them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from engram.artifacts.formats import asked_in, check_format
from engram.artifacts.paths import RESERVED, check_path, payload_files
from engram.errors import Refused, VerificationFailed
from engram.files import canonical_json, sha256_file
from engram.schema.codec import FieldProblem, from_dict, to_dict
from engram.schema.manifest import FORMAT, FileEntry, Manifest

DIGEST_LENGTH = len("sha256:") + 64


def artifact_digest(files: Iterable[FileEntry]) -> str:
    """Return the digest of a payload: SHA-256 over ``<hex>  <bytes>  <path>\\n`` of each file, sorted by path.

    >>> artifact_digest([])[:14]
    'sha256:e3b0c44'
    """
    lines = (f"{file.digest.removeprefix('sha256:')}  {file.bytes}  {file.path}\n" for file in _sorted(files))
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def build_manifest(folder: Path, about: Mapping[str, str]) -> Manifest:
    """Return the manifest of a folder: all files but `manifest.json` and `certificate.json`.

    Raises Refused for links, unsafe paths, files that hold code that the recipe in the folder did not ask for, unsound
    safetensors, and a folder without files.
    """
    files, asked = [], asked_in(folder)
    for path, file in payload_files(folder):
        check_format(path, file, asked)
        files.append(FileEntry(path, file.stat().st_size, sha256_file(file)))
    if not files:
        raise Refused(f"{folder} holds no files to publish.", remedy="Export the model before you publish it.")
    _refuse_twins(file.path for file in files)
    return Manifest(artifact_digest(files), tuple(files), dict(about))


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of `manifest.json`."""
    return canonical_json(to_dict(manifest))


def parse_manifest(content: bytes) -> Manifest:
    """Read `manifest.json`.

    Raises VerificationFailed unless it is canonical, its paths are plain, sorted and different, and its digest fits.
    """
    try:
        manifest = from_dict(Manifest, json.loads(content))
        if manifest.format != FORMAT:
            raise ValueError(f"the format is {manifest.format!r}; expected {FORMAT!r}")
        if encode_manifest(manifest) != content:
            raise ValueError("it is not in its canonical form")
        paths = [check_path(file.path) for file in manifest.files]
        if paths != sorted(set(paths)) or RESERVED & set(paths):
            raise ValueError("its paths are not sorted and different, or name the manifest itself")
        for file in manifest.files:
            if not _is_digest(file.digest) or file.bytes < 0:
                raise ValueError(f"{file.path!r} has no digest or no size")
        if artifact_digest(manifest.files) != manifest.digest:
            raise ValueError(f"its digest is {manifest.digest}, but its files give {artifact_digest(manifest.files)}")
    except RecursionError as error:
        raise VerificationFailed("manifest.json can't be read: it is nested too deeply.") from error
    except (ValueError, FieldProblem, Refused) as error:
        raise VerificationFailed(f"manifest.json can't be read: {error}") from error
    return manifest


def _sorted(files: Iterable[FileEntry]) -> list[FileEntry]:
    return sorted(files, key=lambda file: file.path)


def _is_digest(text: str) -> bool:
    return len(text) == DIGEST_LENGTH and text.startswith("sha256:") and set(text[7:]) <= set("0123456789abcdef")


def _refuse_twins(paths: Iterable[str]) -> None:
    """Two paths that differ in case only are one file on some systems."""
    seen: dict[str, str] = {}
    for path in paths:
        twin = seen.setdefault(path.casefold(), path)
        if twin != path:
            raise Refused(f"{twin!r} and {path!r} differ in case only.", remedy="Rename one of them.")
