"""Where rows come from: files and folders of the user, samples that ship with Engram, the hub; each with its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from engram.config.shipped import sample_files
from engram.data import folder as many
from engram.data import hub
from engram.data.attached import digest_attached
from engram.data.blocks import open_source
from engram.data.folder import base_of, is_many
from engram.data.forms import BadCell
from engram.data.reader import Reader, choose_reader
from engram.data.stored import find_content
from engram.errors import DataError, UnknownName, UsageError
from engram.files import sha256_file
from engram.schema.form import MEDIA
from engram.schema.recipe import Source
from engram.schema.split import SourceFile


@dataclass(frozen=True)
class Opened:
    """A source that was found: its file, its reader, its columns, and the record that the split keeps of it.

    base: the folder where names of files begin that stand in its cells. attached: the column of such names.
    """

    path: Path
    source: Source
    reader: Reader
    columns: tuple[str, ...]
    said: str
    file: SourceFile
    base: Path
    attached: str = ""


def open_sources(sources: tuple[Source, ...], folder: Path, stored: Path | None = None) -> tuple[Opened, ...]:
    """Find every source, its format and its digest; relative paths begin at `folder`, datasets lie in `stored`.

    Raises UsageError when there is no source or one does not name exactly one of path, sample, hub and dataset,
    UnknownName for a sample that does not exist, NotFound for a dataset that this home doesn't hold, DataError for what
    can't be read or is not what its digest says.
    """
    if not sources:
        raise UsageError("the recipe names no source of rows.", remedy="Add one under data.sources: {path: rows.csv}.")
    return tuple(_open(source, folder, stored) for source in sources)


def _open(source: Source, folder: Path, stored: Path | None) -> Opened:
    path = source_path(source, folder, stored)
    reader = choose_reader(path, source)
    found = reader.look(path, source)
    digest, size = fingerprint(path, source)
    if source.dataset is not None and digest != source.dataset:
        raise DataError(
            f"the dataset {source.dataset} changed on the disk: it is {digest} now.",
            file=str(path),
            remedy="Bring it in again: engram data add FILE",
        )
    name = _named(source)
    file = SourceFile(name, digest, size, reader.name, source.license)
    return Opened(path, source, reader, found.columns, found.said, file, base_of(path, source))


def attach(opened: Opened, column: str) -> Opened:
    """Return a source whose digest and bytes are also those of the files that a column names.

    Raises DataError with file, line and column for a name that is none.
    """
    digest, size = _with_attached(opened, column, opened.file.digest, opened.file.bytes)
    return replace(opened, attached=column, file=replace(opened.file, digest=digest, bytes=size))


def _with_attached(opened: Opened, column: str, digest: str, size: int) -> tuple[str, int]:
    """Return a source's digest and bytes with those of its files, in the order of the rows.

    A source without such files keeps its own: their content is in its cells, or it is a folder of them.
    """
    if opened.reader.name in MEDIA:
        return digest, size
    state, found = hashlib.sha256(digest.encode()), 0
    for line, cells in opened.reader.read(opened.path, opened.source, [column]):
        try:
            one, more = digest_attached(cells.get(column, "").strip(), opened.base, column)
        except BadCell as error:
            raise DataError(str(error), file=str(opened.path), line=line, column=column, remedy=error.remedy) from error
        if one:
            state.update(f"\n{one} {cells[column].strip()}".encode())
            found, size = found + 1, size + more
    return (f"sha256:{state.hexdigest()}", size) if found else (digest, size)


def source_path(source: Source, folder: Path, stored: Path | None = None) -> Path:
    """Return the file, the folder or the pattern of a source; for a hub id, what stands for it in messages.

    Samples are looked up among those that exist, so no name can leave their folder. Raises UsageError unless exactly
    one of path, sample, hub and dataset is named, UnknownName for a sample that does not exist, NotFound for a dataset
    that the home doesn't hold.
    """
    if [source.path, source.sample, source.hub, source.dataset].count(None) != 3:
        raise UsageError(
            "a source needs exactly one of path, sample, hub and dataset.", remedy="Write {path: rows.csv}."
        )
    if source.dataset is not None:
        if stored is None:
            raise UsageError("a dataset is read within a home only.", remedy="Write {path: rows.csv}.")
        return find_content(stored, source.dataset)
    if source.hub is not None:
        return Path(f"hub:{source.hub}")
    if source.path is not None:
        return folder / source.path
    known = sample_files()
    if source.sample not in known:
        raise UnknownName.of("sample", str(source.sample), known)
    return known[source.sample]


def _named(source: Source) -> str:
    if source.hub:
        return hub.full_name(source)
    return f"sample:{source.sample}" if source.sample else str(source.path or source.dataset)


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
        digest, size = fingerprint(each.path, each.source)
        if each.attached:
            digest, _ = _with_attached(each, each.attached, digest, size)
        if digest != each.file.digest:
            message = "the source changed while it was read, so nothing was imported."
            raise DataError(message, file=str(each.path), remedy="Try again when nobody writes to it.")
