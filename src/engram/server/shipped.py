"""The built pages: every file of a build, read once at the start, so that what is served is of one build only.

An address is looked up in a table and never becomes a path: there is nothing to climb out of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

UI = Path(str(files("engram"))) / "ui"
BUILT, INDEX, ASSETS = "built", "index.html", "assets/"
NOT_BUILT = "not-built.txt"  # the launcher's reason, where it tried
NEVER_TRIED = "Nobody has built them here."
PACKED = ".gz"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".webp": "image/webp",
        ".woff2": "font/woff2",
    }
)


@dataclass(frozen=True)
class Shipped:
    """One file of a build.

    packed: the same, compressed with gzip; None where that saves nothing. kind: its media type. digest: of `body`.
    immutable: whether its name changes with its content, so that a browser never need ask again.
    """

    body: bytes
    packed: bytes | None
    kind: str
    digest: str
    immutable: bool


@dataclass(frozen=True)
class Pages:
    """A whole build by address, as ``assets/index-1a2b.js``; without files, `missing` says why there are none."""

    files: Mapping[str, Shipped]
    missing: str = ""

    @property
    def index(self) -> Shipped | None:
        """The one document that every page begins with; None where nothing was built."""
        return self.files.get(INDEX)


def load_pages(folder: Path = UI) -> Pages:
    """Read the build in a folder; one that is absent or has no index counts as none."""
    built = folder / BUILT
    found = {INDEX: built / INDEX, **_assets(built)}
    if not found[INDEX].is_file():
        return Pages({}, _why(folder / NOT_BUILT))
    immutable = _immutable(built / "files.json")
    return Pages({name: _read(path, name in immutable) for name, path in found.items()})


def takes_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding header allows gzip.

    >>> takes_gzip("br, gzip"), takes_gzip("gzip;q=0, *"), takes_gzip("*;q=0.5"), takes_gzip("")
    (True, False, True, False)
    """
    said: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        said[name.strip()] = weight.replace(" ", "").rstrip("0.") != "q="
    return said.get("gzip", said.get("*", False))


def _assets(built: Path) -> dict[str, Path]:
    paths = [path for path in (built / ASSETS).rglob("*") if path.suffix in KINDS]
    return {
        path.relative_to(built).as_posix(): path for path in sorted(paths) if path.is_file() and not path.is_symlink()
    }


def _immutable(path: Path) -> frozenset[str]:
    """Return the names that a build says to change with their content; none where it says nothing."""
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))["immutable"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def _read(path: Path, immutable: bool) -> Shipped:
    body, packed = path.read_bytes(), path.with_name(path.name + PACKED)
    return Shipped(
        body,
        packed.read_bytes() if packed.is_file() else None,
        KINDS[path.suffix],
        hashlib.sha256(body).hexdigest()[:32],
        immutable,
    )


def _why(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or NEVER_TRIED
    except (OSError, ValueError):
        return NEVER_TRIED
