"""The manifest: the files of an artifact and the digest that names them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FORMAT = "engram.manifest/1"


@dataclass(frozen=True)
class FileEntry:
    """One payload file: its path inside the artifact (forward slashes), its size and its digest."""

    path: str
    bytes: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """The payload of an artifact, sorted by path. `digest` covers `files` and nothing else.

    about: what a reader wants to know at once (run, recipe, kind, task, exports).
    """

    digest: str
    files: tuple[FileEntry, ...]
    about: Mapping[str, str]
    format: str = FORMAT
