"""The cache of splits: named by what went in, and trusted only after what came out was checked again."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from engram.errors import EngramError, NotFound
from engram.files import json_digest, read_json, sha256_file, write_atomic
from engram.schema.codec import from_dict, to_dict
from engram.schema.recipe import Data
from engram.schema.split import DataReport, SourceFile, Split

# Part of every key: raise it when this room would make other files from the same sources.
FORMAT = "engram.data/1"
SUMS = "SHA256SUMS"
ABANDONED_SECONDS = 24 * 3600


def entry_key(data: Data, form: str, sources: Sequence[SourceFile], step_names: Sequence[str]) -> str:
    """Return 64 hex digits that name a split: the sources' digests, the form, the configuration, the steps."""
    made_from = {
        "format": FORMAT,
        "form": form,
        "sources": [[source.digest, source.format] for source in sources],
        "data": to_dict(data),
        # A mapping's order decides the order of the labels, and canonical JSON forgets it.
        "labels": list(data.labels or {}),
        "steps": list(step_names),
    }
    return json_digest(made_from).removeprefix("sha256:")


def split_digest(parts: dict[str, str], labels: Sequence[str]) -> str:
    """Return the digest that names the data exactly: that of the parts' digests and the labels."""
    return json_digest({"labels": list(labels), "parts": parts})


def load_split(folder: Path) -> tuple[Split, DataReport]:
    """Read a split's record and its report.

    Raises NotFound when the folder holds none, or one that can't be read.
    """
    try:
        split = from_dict(Split, read_json(folder / "split.json"))
        return split, from_dict(DataReport, read_json(folder / "report.json"))
    except (OSError, ValueError, EngramError) as error:
        remedy = "Prepare the data again: engram train makes it anew."
        raise NotFound(f"{folder} holds no split that can be read ({error}).", remedy=remedy) from error


def seal(folder: Path) -> None:
    """Write the digest of every file of an entry, in the format of sha256sum."""
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    sums = "".join(f"{sha256_file(folder / name).removeprefix('sha256:')}  {name}\n" for name in names)
    write_atomic(folder / SUMS, sums.encode())


def is_sound(folder: Path) -> bool:
    """Tell whether an entry is byte for byte what was sealed, and its split's digest is that of its parts."""
    try:
        lines = [line.partition("  ") for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()]
        split, _ = load_split(folder)
    except (OSError, ValueError, NotFound):
        return False
    sums = {name: digest for digest, _, name in lines}
    parts = {name: part.digest for name, part in split.parts.items()}
    named = {name: digest for part in split.parts.values() for name, digest in part.files.items()}
    files = {path.name for path in folder.iterdir()} - {SUMS}
    return (
        files == set(sums) == {"split.json", "report.json", *named}
        and all(sha256_file(folder / name) == f"sha256:{digest}" for name, digest in sums.items())
        and all(sums[name] == digest.removeprefix("sha256:") for name, digest in named.items())
        and split.digest == split_digest(parts, split.labels)
    )


def discard(folder: Path) -> None:
    """Take a damaged entry away; it vanishes at once, so that a crash leaves no half of it under its name."""
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".tmp-{folder.name}-damaged-"))
    folder.replace(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


def sweep(cache: Path) -> None:
    """Remove what killed processes left in the cache more than a day ago."""
    for left in cache.glob(".tmp-*"):
        if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
