"""Where rows come from: files and folders of the user, samples that ship with Engram, the hub; each with its digest."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from engram.data import folder as many
from engram.data import hub
from engram.data.blocks import open_source
from engram.data.folder import is_many
from engram.data.reader import Reader, choose_reader
from engram.errors import DataError, UnknownName, UsageError
from engram.files import sha256_file
from engram.schema.recipe import Source
from engram.schema.split import SourceFile


@dataclass(frozen=True)
class Opened:
    """A source that was found: its file, its reader, its columns, and the record that the split keeps of it."""

    path: Path
    source: Source
    reader: Reader
    columns: tuple[str, ...]
    said: str
    file: SourceFile


def open_sources(sources: tuple[Source, ...], folder: Path) -> tuple[Opened, ...]:
    """Find every source, its format and its digest; relative paths begin at `folder`.

    Raises UsageError when there is no source or one does not name exactly one of path, sample and hub, UnknownName for
    a sample that does not exist, DataError for what can't be read.
    """
    if not sources:
        raise UsageError("the recipe names no source of rows.", remedy="Add one under data.sources: {path: rows.csv}.")
    return tuple(_open(source, folder) for source in sources)


def _open(source: Source, folder: Path) -> Opened:
    path = source_path(source, folder)
    reader = choose_reader(path, source)
    found = reader.look(path, source)
    digest, size = fingerprint(path, source)
    name = hub.full_name(source) if source.hub else f"sample:{source.sample}" if source.sample else str(source.path)
    return Opened(
        path, source, reader, found.columns, found.said, SourceFile(name, digest, size, reader.name, source.license)
    )


def source_path(source: Source, folder: Path) -> Path:
    """Return the file, the folder or the pattern of a source; for a hub id, what stands for it in messages.

    Samples are looked up among those that exist, so no name can leave their folder. Raises UsageError unless exactly
    one of path, sample and hub is named, UnknownName for a sample that does not exist.
    """
    if [source.path, source.sample, source.hub].count(None) != 2:
        raise UsageError("a source needs exactly one of path, sample and hub.", remedy="Write {path: rows.csv}.")
    if source.hub is not None:
        return Path(f"hub:{source.hub}")
    if source.path is not None:
        return folder / source.path
    samples = Path(str(package_files("engram"))) / "samples"
    known = {path.stem: path for path in samples.glob("*.csv")}
    if source.sample not in known:
        raise UnknownName.of("sample", str(source.sample), known)
    return known[source.sample]


def fingerprint(path: Path, source: Source) -> tuple[str, int]:
    """Return the digest of all that a source holds, and its bytes.

    For a folder or a pattern the digest is over the sorted names and digests of its files, for a hub id over its rows.
    """
    if source.hub is not None:
        return hub.fingerprint(source)
    if is_many(path, source):
        return many.fingerprint(path)
    open_source(path).close()
    return sha256_file(path), path.stat().st_size


def check_unchanged(opened: tuple[Opened, ...]) -> None:
    """Raise DataError when a source is no longer what was fingerprinted: half of each would be imported."""
    for each in opened:
        if fingerprint(each.path, each.source)[0] != each.file.digest:
            message = "the source changed while it was read, so nothing was imported."
            raise DataError(message, file=str(each.path), remedy="Try again when nobody writes to it.")
