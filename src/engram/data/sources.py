"""Where rows come from: files of the user and samples that ship with Engram, each with its digest."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from engram.data.blocks import open_source
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

    Raises UsageError when there is no source or one names neither or both of path and sample, UnknownName for a sample
    that does not exist, DataError for a file that can't be read.
    """
    if not sources:
        raise UsageError("the recipe names no source of rows.", remedy="Add one under data.sources: {path: rows.csv}.")
    return tuple(_open(source, folder) for source in sources)


def _open(source: Source, folder: Path) -> Opened:
    path = source_path(source, folder)
    open_source(path).close()
    reader = choose_reader(path, source)
    found = reader.look(path, source)
    name = f"sample:{source.sample}" if source.sample else str(source.path)
    record = SourceFile(name, sha256_file(path), path.stat().st_size, reader.name, source.license)
    return Opened(path, source, reader, found.columns, found.said, record)


def source_path(source: Source, folder: Path) -> Path:
    """Return the file of a source; samples are looked up among those that exist, so no name can leave their folder."""
    if (source.path is None) == (source.sample is None):
        raise UsageError("a source needs exactly one of path and sample.", remedy="Write {path: rows.csv}.")
    if source.path is not None:
        return folder / source.path
    samples = Path(str(package_files("engram"))) / "samples"
    known = {path.stem: path for path in samples.glob("*.csv")}
    if source.sample not in known:
        raise UnknownName.of("sample", str(source.sample), known)
    return known[source.sample]


def check_unchanged(opened: tuple[Opened, ...]) -> None:
    """Raise DataError when a source is no longer the file that was fingerprinted: half of each would be imported."""
    for each in opened:
        if sha256_file(each.path) != each.file.digest:
            message = "the file changed while it was read, so nothing was imported."
            raise DataError(message, file=str(each.path), remedy="Try again when nobody writes to it.")
