"""Names of datasets in a home that no server has: one small file beside the contents, written under the home lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram import files
from engram.config.pin import Named
from engram.data.quality import Tick, inspect
from engram.data.stored import Vault, keep_content, read_options, told_as
from engram.errors import Conflict, DataError, NotFound, UsageError, did_you_mean
from engram.schema.codec import convert, from_dict, to_dict
from engram.schema.label import is_digest, label_fault
from engram.schema.recipe import Source

FILE, FORMAT = "names.json", "engram.dataset-names/1"


@dataclass(frozen=True)
class LocalDataset:
    """One dataset by its name. read: the options of `Source` by which it was checked; quality: what it holds."""

    name: str
    digest: str
    license: str
    bytes: int
    rows: int
    read: Mapping[str, Any]
    quality: Mapping[str, Any]


def add_dataset(
    stored: Path,
    file: Path,
    source: Source,
    name: str,
    tick: Tick = lambda rows: None,
    vault: Vault | None = None,
) -> LocalDataset:
    """Check a file, keep it by its digest and give it a name; the same file again under its name changes nothing.

    The caller holds the home lock. source: how the file is read, and its licence. vault: of a home that may seal.
    Raises DataError for a file that can't be imported, UsageError for a text that is no name, Conflict for a name that
    is taken.
    """
    if fault := label_fault(name):
        raise UsageError(f"{name!r} is no name for a dataset: {fault}.", remedy="Give it one: --name tickets")
    known = list_datasets(stored)
    digest = files.sha256_file(file) if file.is_file() else ""
    try:
        found = inspect(file, source, tick)
    except DataError as error:
        raise told_as(error, file, file.name) from error
    if name in known and known[name].digest != digest:
        raise Conflict(f"The name {name!r} is taken.", remedy="Give the file another name: --name")
    size = file.stat().st_size
    keep_content(stored, file, digest, found, vault)
    one = LocalDataset(name, digest, source.license, size, found.rows, read_options(source, found), to_dict(found))
    _write(stored, {**known, name: one})
    return one


def list_datasets(stored: Path) -> dict[str, LocalDataset]:
    """Return every dataset by its name, in the order of the names."""
    path = stored / FILE
    if not path.exists():
        return {}
    said = files.read_json(path)["names"]
    return {name: from_dict(LocalDataset, said[name]) for name in sorted(said)}


def find_dataset(stored: Path, name: str) -> LocalDataset:
    """Return a dataset by its name or its digest; raises NotFound, with the nearest name."""
    known = list_datasets(stored)
    fits = [one for one in known.values() if name in (one.name, one.digest)]
    if not fits:
        remedy = did_you_mean(name, known) or "`engram data list` shows the datasets."
        raise NotFound(f"There is no dataset {name[:80]!r}.", remedy=remedy)
    return fits[0]


def find_named(stored: Path, name: str) -> Named:
    """Return what pins a dataset of this home; a digest that has no name here is taken as it is."""
    if is_digest(name) and name not in [one.digest for one in list_datasets(stored).values()]:
        return Named(name, "", Source())
    found = find_dataset(stored, name)
    return Named(found.digest, found.license, read_as(found.read))


def read_as(said: Mapping[str, Any]) -> Source:
    """Return the options by which a dataset is read, from plain data."""
    return convert(Source, said, ())  # type: ignore[no-any-return]


def forget_digest(stored: Path, digest: str) -> None:
    """Take the names of some content away; the content itself is for `engram gc`."""
    known = list_datasets(stored)
    kept = {name: one for name, one in known.items() if one.digest != digest}
    if kept != known:
        _write(stored, kept)


def _write(stored: Path, known: Mapping[str, LocalDataset]) -> None:
    files.write_json(stored / FILE, {"format": FORMAT, "names": to_dict(dict(known))})
