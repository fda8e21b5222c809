"""What a finished upload becomes when it is a dataset: checked by the readers, kept by its digest, named by a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engram import registry
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.sealed_data import DataVault, opened_content
from engram.config.pin import Named
from engram.data.blocks import HEAD_BYTES, refuse_foreign
from engram.data.names import forget_digest, list_datasets, read_as
from engram.data.quality import Quality, inspect
from engram.data.reader import CERTAIN, Reader
from engram.data.stored import find_content, keep_content, read_options, told_as
from engram.errors import Conflict, DataError, NotFound, UsageError
from engram.files import sha256_file
from engram.schema.codec import to_dict
from engram.schema.label import label_fault
from engram.schema.recipe import Source
from engram.security.principal import ADMIN
from engram.server.access import Caller
from engram.server.platform import Platform
from engram.store.pages import Ask
from engram.store.records import datasets, users
from engram.store.records.datasets import Dataset
from engram.store.times import from_micros

SHOWN = ("id", "name", "owner", "digest", "format", "license", "bytes", "rows", "pinned", "version")
# Archives, and files that run code when they are opened by what wrote them; their content is looked at as well.
REFUSED = (
    ".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".lz4", ".pkl", ".pickle", ".pt", ".pth",
    ".bin", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".hdf5", ".safetensors", ".exe", ".so", ".dll", ".dylib", ".py",
)  # fmt: skip


def check_name(name: str) -> None:
    """Refuse what is no name, and names of files that are no rows.

    Raises UsageError.
    """
    if fault := label_fault(name):
        raise UsageError(f"{name[:80]!r} is no name for a dataset: {fault}.", remedy="Send a file's own name, no path.")
    if name.lower().endswith(REFUSED):
        formats = ", ".join(registry.names("reader"))
        raise UsageError(f"{name!r} is no file of rows.", remedy=f"Unpack or convert it. Formats: {formats}.")


def known_suffix(name: str) -> str:
    """Return the suffix by which a reader knows a file, or an empty text: the only part of a name that the disk sees.

    >>> known_suffix("Mails of May.CSV"), known_suffix("mails.exe")
    ('.csv', '')
    """
    readers: list[Reader] = [registry.get("reader", one) for one in registry.names("reader")]
    suffixes = sorted({suffix for reader in readers for suffix in reader.suffixes}, key=len, reverse=True)
    return next((suffix for suffix in suffixes if name.lower().endswith(suffix)), "")


def check_start(head: bytes, name: str) -> None:
    """Refuse a file by its first bytes, before the rest of it is sent.

    Raises DataError for archives, pickles, arrays and text that is not UTF-8, whatever they are called.
    """
    readers: list[Reader] = [registry.get("reader", one) for one in registry.names("reader")]
    if max(reader.sniff(head[:HEAD_BYTES], name) for reader in readers) < CERTAIN:
        refuse_foreign(head[:HEAD_BYTES], Path(name))


def check_file(path: Path, name: str, source: Source) -> Quality:
    """Read a whole file as `engram data check` does; raises DataError with the name that its owner knows."""
    try:
        return inspect(path, source)
    except DataError as error:
        raise told_as(error, path, name) from error


def keep(
    here: Platform, path: Path, source: Source, found: Quality, digest: str, *, link: bool = True
) -> dict[str, Any]:
    """Put a checked file among the home's datasets, and return what its row is made of.

    link: False for a file that stays where it is, and belongs to somebody else.
    """
    keep_content(here.home / "datasets", path, digest, found, DataVault(HomeKeys(here.home)), link=link)
    body = {"quality": to_dict(found), "read": read_options(source, found)}
    size = path.stat().st_size
    return {"digest": digest, "format": found.format, "bytes": size, "rows_": found.rows, "body": body}


@contextmanager
def content(here: Platform, found: Dataset) -> Iterator[Path]:
    """Yield the file of a dataset's rows as readers want it; a sealed one is in private memory while the block lasts.

    Raises NotFound when the disk has lost it.
    """
    with opened_content(content_file(here, found), found.digest, HomeKeys(here.home)) as path:
        yield path


def content_file(here: Platform, found: Dataset) -> Path:
    """Return where a dataset's content lies, sealed or not; raises NotFound when the disk has lost it."""
    try:
        return find_content(here.home / "datasets", found.digest)
    except NotFound as error:
        raise NotFound(f"The content of {found.id} is gone from the disk.", remedy="Send the file again.") from error


def register(tx: Connection, here: Platform, owner: str, name: str, license: str, what: dict[str, Any]) -> Dataset:
    """Give kept content a row and a ledger entry; the same content again under its name is the dataset that is there.

    Hold `writing`. Raises Conflict when the owner has other content under that name.
    """
    for one in datasets.find_datasets(tx, name, owner):
        if one.name == name and one.digest == what["digest"]:
            return one
    check_free(tx, owner, name)
    return enter(tx, here, owner, name, license, what)


def enter(tx: Connection, here: Platform, owner: str, name: str, license: str, what: dict[str, Any]) -> Dataset:
    """Give kept content a row and a ledger entry; hold `writing`."""
    made = datasets.create_dataset(tx, name=name, owner=owner, license=license, **what)
    here.ledger.append("dataset.registered", made.id, {"digest": made.digest}, owner)
    return made


def check_free(tx: Connection, owner: str, name: str, but: str = "") -> None:
    """Raise Conflict when an owner has another dataset of that name than the one whose id is given."""
    if any(one.name == name and one.id != but for one in datasets.find_datasets(tx, name, owner)):
        raise Conflict(f"There is another dataset {name!r}.", remedy="Choose another name, or delete that one.")


def remove(here: Platform, found: Dataset, actor: str, version: int | None = None) -> None:
    """Delete a dataset: its digest stays in its row and in the ledger, its name goes; raises Changed."""
    with here.writing, here.db.write() as tx:
        gone = datasets.delete_dataset(tx, found.id, version=version)
        here.ledger.append("dataset.deleted", gone.id, {"digest": gone.digest}, actor)
        if not datasets.find_datasets(tx, gone.digest):
            forget_digest(here.home / "datasets", gone.digest)


def digest_of(path: Path, said: str) -> str:
    """Return a file's digest; raises DataError when it is not the one that was said."""
    found = sha256_file(path)
    if said and found != said:
        raise DataError(f"what arrived has the digest {found}, not {said}.", remedy="Send the file again.")
    return found


def find_dataset(here: Platform, who: Caller, said: str) -> Dataset:
    """Return the dataset that a name, a digest or an id means to the caller: her own first.

    Raises NotFound as if there were none for another's, and Conflict when an Admin's text means several.
    """
    with here.db.read() as tx:
        found = datasets.find_datasets(tx, said, who.visible_to)
    own = [one for one in found if one.owner == who.principal.user]
    fits = own or list(found)
    if len({one.digest for one in fits}) > 1:
        raise Conflict(f"{len(fits)} datasets are called {said!r}.", remedy="Name one by its digest.")
    return who.touch(fits[0] if fits else None, f"dataset {said}")


def named(here: Platform, who: Caller, said: str) -> Named:
    """Return what pins a dataset for the caller; raises NotFound as if there were none for another's."""
    found = find_dataset(here, who.to("datasets.read"), said)
    return Named(found.digest, found.license, read_as(found.body["read"]))


def adopt(here: Platform) -> None:
    """Give the datasets that were added without a server to the first Admin, once each."""
    local = list_datasets(here.home / "datasets").values()
    if not local:
        return
    with here.db.read() as tx:
        admins = users.list_users(tx, Ask(equal={"role": ADMIN}, limit=200)).items
    if not admins:
        return
    owner = min(admins, key=lambda one: (one.created, one.id)).id
    for one in local:
        with here.writing, here.db.write() as tx:
            if datasets.find_datasets(tx, one.digest) or datasets.find_datasets(tx, one.name, owner):
                continue
            what = {"digest": one.digest, "format": str(one.quality["format"]), "bytes": one.bytes, "rows_": one.rows}
            body = {"quality": dict(one.quality), "read": dict(one.read)}
            register(tx, here, owner, one.name, one.license, {**what, "body": body})


def listed(one: Dataset) -> dict[str, Any]:
    """Return a dataset as a list shows it."""
    said = {name: getattr(one, name) for name in SHOWN}
    return {**said, "created": from_micros(one.created), "updated": from_micros(one.updated)}


def shown(one: Dataset) -> dict[str, Any]:
    """Return a dataset as the API shows it: also what it holds, and how its file is read."""
    return {**listed(one), "quality": one.body.get("quality", {}), "read": one.body.get("read", {})}
