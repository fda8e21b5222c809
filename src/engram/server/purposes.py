"""What uploads are for: each purpose says who may, what a file may be called, how it begins, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engram.proc import crashpoint
from engram.schema.recipe import Source
from engram.server import datasets
from engram.server.platform import Platform
from engram.store.records import datasets as stored
from engram.store.records import uploads
from engram.store.records.uploads import Upload


@dataclass(frozen=True)
class Given:
    """What the one who finishes an upload says about it. name: empty for the name of the upload."""

    name: str = ""
    license: str = ""
    source: Source = field(default_factory=Source)


@dataclass(frozen=True)
class Purpose:
    """One thing that an upload may become.

    operation: what its sender must be allowed besides. check_name and check_start refuse early, by name and by the
    first bytes. suffix: what of the name the disk may see. finish: makes it, ends the upload in the same transaction as
    it makes the row, and returns the id and what is answered. shown: the same answer again, from the id.
    """

    operation: str
    check_name: Callable[[str], None]
    check_start: Callable[[bytes, str], None]
    suffix: Callable[[str], str]
    finish: Callable[[Platform, Upload, Path, Given], dict[str, Any]]
    shown: Callable[[Platform, str], dict[str, Any]]


def _finish_dataset(here: Platform, upload: Upload, path: Path, given: Given) -> dict[str, Any]:
    name = given.name or upload.name
    datasets.check_name(name)
    digest = datasets.digest_of(path, upload.digest)
    found = datasets.check_file(path, name, given.source)
    what = datasets.keep(here, path, given.source, found, digest)
    crashpoint("uploads.after-keep")
    with here.writing, here.db.write() as tx:
        made = datasets.register(tx, here, upload.owner, name, given.license, what)
        uploads.end_upload(tx, upload.id, "done", made.id)
    return datasets.shown(made)


def _shown_dataset(here: Platform, id: str) -> dict[str, Any]:
    with here.db.read() as tx:
        return datasets.shown(stored.get_dataset(tx, id))


PURPOSES: Mapping[str, Purpose] = {
    "dataset": Purpose(
        "datasets.create",
        datasets.check_name,
        datasets.check_start,
        datasets.known_suffix,
        _finish_dataset,
        _shown_dataset,
    )
}
