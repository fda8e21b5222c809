"""The datasets of a home: files of rows by their digests, each with a record, whoever they belong to.

``datasets/<64 hex digits>/`` holds ``data.<format>`` and ``dataset.json``. Nothing in it is ever changed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from engram import files
from engram.data.cache import discard
from engram.data.quality import Quality
from engram.errors import DataError, NotFound, VerificationFailed
from engram.schema.codec import to_dict
from engram.schema.label import is_digest
from engram.schema.recipe import Source

RECORD, FORMAT = "dataset.json", "engram.dataset/1"
STEM = "data"
SEALED = b"ENGRAMS1"  # how `engram.artifacts.seal` begins a file
FORMATS = ("csv", "tsv", "jsonl", "json", "text", "conll", "parquet", "tfrecord")
READ = ("format", "delimiter", "header", "quoting", "paragraphs")


def folder_of(stored: Path, digest: str) -> Path:
    """Return the folder of some content.

    Raises NotFound for what is no digest, so that no other text becomes a place on the disk.
    """
    if not is_digest(digest):
        raise NotFound(f"There is no dataset {digest[:80]!r}.", remedy="`engram data list` shows the datasets.")
    return stored / digest.removeprefix("sha256:")


def find_content(stored: Path, digest: str) -> Path:
    """Return the file of some content; raises NotFound when this home doesn't hold it."""
    folder = folder_of(stored, digest)
    for path in sorted(folder.glob(f"{STEM}*")):
        if path.name != RECORD and path.is_file() and not path.is_symlink():
            return path
    raise NotFound(f"This home holds no dataset {digest}.", remedy="`engram data list` shows the datasets.")


class Vault(Protocol):
    """How contents are sealed, where a home seals them."""

    @property
    def seals(self) -> bool:
        """Tell whether what is kept from now on is sealed."""

    def seal(self, source: Path, target: Path, digest: str, name: str) -> str:
        """Seal a file into a new one of that name; return the digest of what was read."""

    def digest(self, path: Path, digest: str) -> str:
        """Return the digest of what a file holds, sealed or not."""


def keep_content(
    stored: Path, path: Path, digest: str, found: Quality, vault: Vault | None = None, *, link: bool = False
) -> Path:
    """Put a file of rows where its digest says, with its record, whole or not at all; return where it lies now.

    vault: seals it, where the home does. link: let both names mean one file where the disk can, for a file that nobody
    changes any more. Content that is there already stays, unless the disk has damaged it.
    Raises DataError when the file is not what its digest says, or begins as a sealed one.
    """
    folder = folder_of(stored, digest)
    with path.open("rb") as reading:
        if reading.read(len(SEALED)) == SEALED:  # kept open it would be taken for sealed, and never be sealed
            raise DataError(
                "the file begins as one does that Engram has sealed, so it is no file of rows.",
                file=path.name,
                remedy="Bring in the rows themselves: a server gives them back as /datasets/{id}/download.",
            )
    if folder.exists() and not _is_sound(folder, digest, vault):
        discard(folder)
    if not folder.exists():
        # A format of a plugin gives no part of a file's name.
        name = f"{STEM}.{found.format}" if found.format in FORMATS else STEM
        with files.new_folder(folder) as making:
            sealed = vault is not None and vault.seals
            if vault is not None and sealed:
                kept = vault.seal(path, making / name, digest, name)
            else:
                _put(path, making / name, link)
                kept = files.sha256_file(making / name)
            if kept != digest:
                raise DataError("the file changed while it was read, so nothing was kept.", file=str(path))
            record = {"format": FORMAT, "digest": digest, "file": name, "bytes": path.stat().st_size}
            files.write_json(making / RECORD, record if sealed else {**record, "quality": to_dict(found)})
    return find_content(stored, digest)


def read_options(source: Source, found: Quality) -> dict[str, object]:
    """Return the options by which a file was read, as plain data: what a recipe needs to read it the same way."""
    said = to_dict(source)
    return {**{name: said[name] for name in READ}, "format": found.format}


def told_as(error: DataError, path: Path, name: str) -> DataError:
    """Return an error under the name that its reader knows, not the place where the file lies.

    >>> found = told_as(DataError("bad.", file="/srv/x", line=3), Path("/srv/x"), "mails.csv")
    >>> found.message, found.file, found.line
    ('mails.csv:3: bad.', 'mails.csv', 3)
    """
    again = DataError("", file=name, line=error.line, column=error.column, remedy=error.remedy)
    again.message = error.message.replace(str(path), name)
    again.args = (again.message,)
    return again


def _put(path: Path, target: Path, link: bool) -> None:
    if link:
        try:
            target.hardlink_to(path)
            return
        except OSError:  # a disk without links
            pass
    shutil.copyfile(path, target)


def _is_sound(folder: Path, digest: str, vault: Vault | None) -> bool:
    try:
        path = find_content(folder.parent, digest)
        return (vault.digest(path, digest) if vault else files.sha256_file(path)) == digest
    except (NotFound, VerificationFailed):
        return False
