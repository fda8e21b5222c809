"""Which paths may stand in a manifest: plain relative ones that mean the same file on every system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engram.errors import Refused

MANIFEST = "manifest.json"
CERTIFICATE = "certificate.json"
RESERVED = frozenset({MANIFEST, CERTIFICATE})
FORBIDDEN = frozenset('\\:*?"<>|%#')
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{i}" for name in ("com", "lpt") for i in range(10))})
MAX_PART_BYTES = 200


def check_path(path: str) -> str:
    """Return the path when it is plain and relative, with forward slashes.

    Raises Refused for .., absolute paths, backslashes, drive letters, percent escapes, control and invisible
    characters, and names that some systems keep for themselves.

    >>> check_path("merged/model.safetensors")
    'merged/model.safetensors'
    >>> check_path("../key")
    Traceback (most recent call last):
    engram.errors.Refused: The path '../key' is refused: '..' is not a plain name. Use plain relative names ...
    """
    why = ""
    if not path.isprintable():
        why = "it holds control or invisible characters"
    elif bad := FORBIDDEN & set(path):
        why = f"it holds {' '.join(sorted(bad))}"
    else:
        for part in path.split("/"):
            if part in ("", ".", "..") or part != part.strip() or part.endswith("."):
                why = f"{part!r} is not a plain name"
            elif part.split(".")[0].lower() in DEVICES:
                why = f"{part!r} is a device on Windows"
            elif len(part.encode("utf-8", "replace")) > MAX_PART_BYTES:
                why = "a name in it is too long"
    if why:
        raise Refused(
            f"The path {path[:80]!r} is refused: {why}.",
            remedy="Use plain relative names with forward slashes.",
        )
    return path


def payload_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path inside the artifact, file) of the payload, sorted: all but `manifest.json` and `certificate.json`.

    Raises Refused for links, devices and paths that `check_path` refuses.
    """
    found: dict[str, Path] = {}
    for root, folders, names in os.walk(folder, followlinks=False):
        for name in (*folders, *names):
            place = Path(root) / name
            path = place.relative_to(folder).as_posix()
            if place.is_symlink():
                raise Refused(f"{path!r} is a symbolic link.", remedy="Put the file itself there.")
            if name in folders or path in RESERVED:
                continue
            if not place.is_file():
                raise Refused(f"{path!r} is not a plain file.", remedy="Remove it from the artifact.")
            found[check_path(path)] = place
    yield from sorted(found.items())
