"""Garbage: what nothing refers to any more. A plan says what would go and why; a sweep removes what still may go.

Kept whatever happens: what is certified, deployed or pinned, the data of every run, each run's latest and best
checkpoint, and every checkpoint of a pinned run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from engram.artifacts.paths import CERTIFICATE
from engram.artifacts.store import PENDING
from engram.data.names import list_datasets
from engram.errors import EngramError
from engram.files import read_json
from engram.proc import crashpoint
from engram.store import idempotency, tables
from engram.store.database import Database, now
from engram.store.records.logins import forget_logins
from engram.store.records.runs import ENDED
from engram.store.records.uploads import end_upload, expired_uploads, living_uploads

TEMPORARY = ".tmp-"
GOING = ".tmp-gc-"
Sort = Literal["leftover", "artifact", "dataset", "checkpoint", "upload"]


@dataclass(frozen=True)
class Item:
    """Something that may go. path: relative to the home; why: in words."""

    sort: Sort
    path: str
    bytes: int
    why: str


@dataclass(frozen=True)
class _Kept:
    """What the database wants kept: names of folders, digests in hex; ids of uploads; pinned and deleted runs."""

    artifacts: frozenset[str]
    datasets: frozenset[str]
    uploads: frozenset[str]
    runs: frozenset[str]
    deleted: frozenset[str]


def plan(db: Database | None, home: Path) -> tuple[Item, ...]:
    """Return what nothing refers to, changing nothing. db: None for a home that never had a server."""
    kept = _kept(db)
    parts = (
        _leftovers(home, kept),
        _artifacts(home, kept),
        _datasets(home, kept),
        _checkpoints(home, kept),
        _uploads(home, kept),
    )
    return tuple(item for part in parts for item in part)


def sweep(db: Database | None, home: Path, items: Sequence[Item]) -> tuple[Item, ...]:
    """Remove what was planned, as far as it may still go, and return what went; the caller holds the home lock.

    Each folder is renamed before it is removed, so that a crash leaves no half of it under its name.
    """
    wanted = {item.path for item in items}
    gone = []
    for item in plan(db, home):
        if item.path not in wanted:
            continue
        path = home / item.path
        going = path if path.name.startswith(TEMPORARY) else path.with_name(f"{GOING}{path.name}")
        if going != path:
            shutil.rmtree(going, ignore_errors=True)
            path.replace(going)
            crashpoint("store.during-sweep")
        shutil.rmtree(going) if going.is_dir() else going.unlink()
        gone.append(item)
    return tuple(gone)


def forget_expired(db: Database) -> int:
    """Remove rows whose time is over (answers by idempotency key, logins) and end such uploads; return how many."""
    with db.write() as tx:
        over = expired_uploads(tx)
        for one in over:
            end_upload(tx, one.id, "aborted")
        return len(over) + idempotency.forget(tx) + forget_logins(tx, now(tx))


def _kept(db: Database | None) -> _Kept:
    if db is None:
        return _Kept(*[frozenset[str]()] * 5)
    artifacts, datasets, deployments = tables.artifacts.c, tables.datasets.c, tables.deployments.c
    wanted = artifacts.deleted.is_(None) | artifacts.entry.is_not(None) | artifacts.pinned
    stays = select(artifacts.digest).where(wanted)
    queries = {
        "artifacts": (stays, select(deployments.artifact), select(tables.deployment_history.c.artifact)),
        "datasets": (select(datasets.digest).where(datasets.deleted.is_(None) | datasets.pinned),),
        "runs": (select(tables.runs.c.id).where(tables.runs.c.pinned),),
        "deleted": (select(tables.runs.c.id).where(tables.runs.c.deleted.is_not(None)),),
    }
    with db.read() as tx:
        found = {name: {d for query in some for d in tx.execute(query).scalars()} for name, some in queries.items()}
        uploads = living_uploads(tx)
    hexes = {name: frozenset(digest.removeprefix("sha256:") for digest in some) for name, some in found.items()}
    return _Kept(hexes["artifacts"], hexes["datasets"], uploads, hexes["runs"], hexes["deleted"])


def _leftovers(home: Path, kept: _Kept) -> Iterator[Item]:
    """Yield what killed processes left half-written; a pending artifact with its certificate will be completed."""
    rooms = [home / name for name in ("artifacts", "datasets", "cache", "runs")]
    for folder in (home, *rooms, *home.glob("runs/*/checkpoints")):
        for path in sorted(folder.glob(".*")):
            pending = path.name.startswith(PENDING) and not (path / CERTIFICATE).exists()
            if pending or path.name.startswith(TEMPORARY):
                yield _item("leftover", home, path, "a process that was killed left it half-written")
    for path in (home / "runs" / one for one in sorted(kept.deleted)):
        if path.exists():
            yield _item("leftover", home, path, "its run was deleted")


def _artifacts(home: Path, kept: _Kept) -> Iterator[Item]:
    for path in _folders(home / "artifacts"):
        if path.name not in kept.artifacts and not (path / CERTIFICATE).exists():
            yield _item("artifact", home, path, "not certified, not deployed, not pinned")


def _datasets(home: Path, kept: _Kept) -> Iterator[Item]:
    used = {name for path in home.glob("runs/*/data.json") if (name := _said(path, "folder"))}
    unreadable = [path for path in home.glob("runs/*/data.json") if not _said(path, "folder")]
    waited, named = _waited_for(home), _named(home)
    if unreadable or waited is None or named is None:  # what is used is not known, so nothing is called unused
        return
    for path in _folders(home / "datasets"):
        if path.name not in used | kept.datasets | named | waited:
            yield _item("dataset", home, path, "no run and no dataset refers to it")


def _named(home: Path) -> set[str] | None:
    """Return what has a name in this home without a server; None when that can't be known."""
    try:
        return {one.digest.removeprefix("sha256:") for one in list_datasets(home / "datasets").values()}
    except (EngramError, OSError, ValueError, LookupError, TypeError):
        return None


def _waited_for(home: Path) -> set[str] | None:
    """Return the datasets that runs which have not ended will read; None when that can't be known."""
    found: set[str] = set()
    for path in home.glob("runs/*/recipe.json"):
        if _said(path.with_name("run.json"), "state") in ENDED:
            continue
        try:
            sources = read_json(path)["data"]["sources"]
            found |= {str(one["dataset"]).removeprefix("sha256:") for one in sources if one.get("dataset")}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
    return found


def _uploads(home: Path, kept: _Kept) -> Iterator[Item]:
    for path in _folders(home / "uploads"):
        if path.name not in kept.uploads:
            yield _item("upload", home, path, "the upload ended, or its time is over")


def _checkpoints(home: Path, kept: _Kept) -> Iterator[Item]:
    for root in sorted(home.glob("runs/*/checkpoints")):
        if root.parent.name in kept.runs:
            continue
        pointers = [path for path in (root / "latest.json", root / "best.json") if path.exists()]
        named = {_said(path, "folder") for path in pointers}
        if not pointers or "" in named:  # without a pointer that can be read, any of them may be the one
            continue
        for path in _folders(root):
            if path.name.startswith("checkpoint-") and path.name not in named:
                yield _item("checkpoint", home, path, "neither the latest nor the best of its run")


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.is_dir() and not path.is_symlink())


def _said(path: Path, name: str) -> str:
    """Return a text of a JSON file, or an empty one when it can't be read."""
    try:
        return str(read_json(path)[name])
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, LookupError, TypeError):
        return ""


def _item(sort: Sort, home: Path, path: Path, why: str) -> Item:
    inside = [one for one in path.rglob("*") if one.is_file() and not one.is_symlink()] if path.is_dir() else [path]
    return Item(sort, path.relative_to(home).as_posix(), sum(one.lstat().st_size for one in inside), why)
