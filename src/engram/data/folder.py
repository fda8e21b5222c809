"""Many files as one source: a folder of one format, sub-folders named by labels, or a pattern such as part-*.jsonl.

A folder of sounds, or of sub-folders of them, is a source as well: a row for each file, which `data.listed` reads.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from engram import registry
from engram.data.blocks import open_source
from engram.data.listed import Listing, listed_reader
from engram.data.reader import Found, Reader, Rows, check_columns, file_reader, list_columns, shown
from engram.data.text import read_whole
from engram.errors import DataError, UsageError
from engram.files import json_digest, sha256_file
from engram.schema.form import MEDIA
from engram.schema.recipe import Source

LABELLED = ("text", "label")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz")


def is_many(path: Path, options: Source) -> bool:
    """Tell whether a source is a folder, or a pattern and not the name of a file."""
    try:
        return path.is_dir() or (glob.has_magic(options.path or "") and not path.exists())
    except (OSError, ValueError):
        return False


def list_files(path: Path) -> Listing:
    """Find the files of a folder or a pattern; names that begin with a dot or an underscore are passed over.

    Raises DataError for an empty folder, a pattern that fits nothing, rows beside sub-folders, packed files, and links
    that leave the folder.
    """
    found = _list_folder(path) if path.is_dir() else _list_pattern(path)
    inside = Path(os.path.realpath(found.base))
    for file in found.files:
        if not Path(os.path.realpath(file)).is_relative_to(inside):
            message = f"the link leads out of the folder {found.base}."
            raise DataError(message, file=str(file), remedy="Copy the file into the folder.")
    return found


def fingerprint(path: Path) -> tuple[str, int]:
    """Return the digest over the sorted names and digests of the files, and their bytes together."""
    listing = list_files(path)
    found: list[tuple[str, str]] = []
    for file in listing.files:
        open_source(file).close()
        found.append((file.relative_to(listing.base).as_posix(), sha256_file(file)))
    return json_digest(sorted(found)), sum(file.stat().st_size for file in listing.files)


def folder_reader(path: Path, options: Source) -> Reader:
    """Return the reader that goes over the files of a folder or a pattern, one after the other.

    Raises DataError when the files are of several formats, and what `list_files` raises.
    """
    listing = list_files(path)
    if listing.medium:
        return listed_reader(listing, options)
    if options.names is not None:
        told = "'names' goes with folders of sounds or images, and these files hold rows."
        raise UsageError(told, remedy="Leave names out.")
    if listing.labelled:
        if options.format not in ("auto", "text"):
            told = f"sub-folders named by labels hold texts, and the format {options.format!r} was given."
            raise UsageError(told, remedy="Leave format out, or name a pattern such as folder/*/*.csv.")
        return Reader("text", _never, _look_labelled, _read_labelled)
    first = listing.files[0]
    reader = file_reader(first, options)
    # Files with one suffix are of one format, so that a text is not taken for a table because it has commas.
    others = {
        file.suffix.lower(): file for file in reversed(listing.files) if file.suffix.lower() != first.suffix.lower()
    }
    for file in others.values():
        other = file_reader(file, options)
        if other.name != reader.name:
            message = f"this file is {other.name}, and {shown(first.name)} is {reader.name}: a source has one format."
            raise DataError(message, file=str(file), remedy="Name the files of one format, as in folder/*.csv.")

    def look(path: Path, options: Source) -> Found:
        return _look(path, options, reader)

    def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
        for file in list_files(path).files:
            yield from reader.read(file, options, wanted, nested)

    return Reader(reader.name, _never, look, read, uniform=reader.uniform)


def _never(head: bytes, name: str) -> float:
    """A reader of many files is never found by the content of one."""
    return 0.0


def _look(path: Path, options: Source, reader: Reader) -> Found:
    listing = list_files(path)
    first = listing.files[0]
    found = reader.look(first, options)
    for file in listing.files[1:] if reader.uniform else ():
        columns = reader.look(file, options).columns
        if differing := sorted({*columns} ^ {*found.columns}):
            lacks = file if differing[0] in found.columns else first
            message = (
                f"the columns differ from those of {shown(first.name)}: {shown(lacks.name)} has no {differing[0]!r}."
            )
            remedy = "The files of one source have the same columns."
            raise DataError(message, file=str(file), column=differing[0], remedy=remedy)
    return Found(found.columns, f"{_files(listing, path)}, {found.said}{_passed(listing)}")


def _files(listing: Listing, path: Path) -> str:
    count = len(listing.files)
    return f"found {count:,} file{'s' * (count != 1)} by {shown(path.name)}"


def _passed(listing: Listing) -> str:
    return f"; passed over: {list_columns(listing.passed)}" if listing.passed else ""


def _look_labelled(path: Path, options: Source) -> Found:
    listing = list_files(path)
    labels = sorted({file.parent.name for file in listing.files})
    plural = "s" * (len(labels) != 1)
    said = f"read each as one text, labelled by its sub-folder, {len(labels):,} label{plural}: {list_columns(labels)}"
    return Found(LABELLED, f"{_files(listing, path)}, {said}{_passed(listing)}")


def _read_labelled(
    path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()
) -> Rows:
    check_columns(LABELLED, wanted or (), path, None)
    for file in list_files(path).files:
        cells = {"text": read_whole(file), "label": file.parent.name}
        yield 1, {name: cells[name] for name in (LABELLED if wanted is None else wanted)}


def _list_folder(path: Path) -> Listing:
    readers: list[Reader] = [registry.get("reader", name) for name in registry.names("reader")]
    suffixes = tuple(suffix for reader in readers for suffix in reader.suffixes)
    files, folders, others = _entries(path, suffixes)
    if files and folders:
        message = f"the folder holds rows ({shown(files[0].name)}) and sub-folders ({shown(folders[0].name)})."
        raise _refused(path, message, "Name a pattern, as folder/*.csv or folder/*/*.csv.")
    if files:
        return Listing(path, files, passed=tuple(other.name for other in others))
    if not folders and (found := _of_medium(path, others)):
        return found
    if not folders:
        what = f"only {list_columns([other.name for other in others])}" if others else "nothing"
        known = ", ".join(sorted(suffixes))
        raise _refused(path, f"the folder holds {what}, and no file of rows.", f"Known suffixes: {known}.")
    texts: list[Path] = []
    medium = next((one for one in MEDIA if any(_entries(folder, MEDIA[one])[0] for folder in folders)), None)
    for folder in folders:
        inside, deeper, rest = _entries(folder, MEDIA[medium] if medium else (".txt",))
        others += rest
        if medium and (deeper or not inside):
            message = "there are sub-folders." if inside else f"this sub-folder holds no {medium} file."
            raise _refused(folder, message, f"Sub-folders are named by labels and hold {medium} files alone.")
        if deeper or not inside:
            message = (
                "this sub-folder holds no .txt file, one for each text." if not inside else "there are sub-folders."
            )
            remedy = "Sub-folders named by labels hold .txt files; for other formats name a pattern, as folder/*/*.csv."
            raise _refused(folder, message, remedy)
        texts += inside
    return Listing(path, tuple(texts), labelled=True, passed=tuple(other.name for other in others), medium=medium)


def _of_medium(path: Path, entries: Sequence[Path]) -> Listing | None:
    """Return the listing of a folder whose files hold one medium, if there are such files."""
    for medium, suffixes in MEDIA.items():
        files = tuple(each for each in entries if each.name.lower().endswith(suffixes))
        if files:
            others = tuple(each.name for each in entries if each not in set(files))
            return Listing(path, files, passed=others, medium=medium)
    return None


def _entries(folder: Path, suffixes: tuple[str, ...]) -> tuple[tuple[Path, ...], tuple[Path, ...], tuple[Path, ...]]:
    """Return the files with one of the suffixes, the sub-folders and the other files of a folder, each sorted by name.

    Raises DataError for a file that is packed: passing over it would lose rows.
    """
    try:
        entries = sorted(each for each in folder.iterdir() if not each.name.startswith((".", "_")))
    except OSError as error:
        raise _refused(folder, f"the folder can't be read ({error.strerror}).") from error
    folders = tuple(each for each in entries if each.is_dir())
    files = tuple(each for each in entries if not each.is_dir() and each.name.lower().endswith(suffixes))
    for each in entries:
        if each.suffix.lower() in _PACKED and each.stem.lower().endswith(suffixes):
            raise _refused(each, "the file is packed, and packed files are not read.", "Unpack it first.")
    return files, folders, tuple(each for each in entries if each not in {*files, *folders})


def _list_pattern(path: Path) -> Listing:
    base = _base(path)
    try:
        found = list(base.glob(path.relative_to(base).as_posix()))
    except ValueError as error:
        raise _refused(path, f"this is no pattern ({error}).") from error
    files = sorted(each for each in found if not each.is_dir() and not each.name.startswith("."))
    if not files:
        there = list_columns(sorted(each.name for each in base.iterdir())) if base.is_dir() else ""
        remedy = f"{shown(str(base))} holds {there or 'nothing'}."
        raise _refused(path, "no file fits the pattern.", remedy)
    medium = next((one for one, suffixes in MEDIA.items() if files[0].name.lower().endswith(suffixes)), None)
    if medium and (other := next((one for one in files if not one.name.lower().endswith(MEDIA[medium])), None)):
        told = f"the pattern fits {medium} files and {shown(other.name)}."
        raise _refused(path, told, f"Name files of one kind, as *{MEDIA[medium][0]}.")
    return Listing(base, tuple(files), medium=medium)


def base_of(path: Path, options: Source) -> Path:
    """Return the folder in which names of files begin that stand in a source's cells, and which none may leave."""
    if not is_many(path, options):
        return path.parent
    return path if path.is_dir() else _base(path)


def _base(path: Path) -> Path:
    """Return the folder in which a pattern begins; a part that is the name of a folder is meant literally."""
    base = Path(path.anchor)
    for part in path.parts[bool(path.anchor) : -1]:
        if glob.has_magic(part) and not (base / part).is_dir():
            break
        base /= part
    return base


def _refused(path: Path, message: str, remedy: str = "") -> DataError:
    return DataError(message, file=str(path), remedy=remedy)
