"""Data sets of the hub, by the `datasets` library: what is cached here first, the network only for what is not.

No code of a repository is run: the library reads data files alone, and of its readers only those of tables and texts
are let through. Tried with data sets in local folders, with caches made from them and with a hub that fails; the
network itself, private data sets and very large ones were not tried.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engram.data.arrow import rows_of
from engram.data.reader import MAX_COLUMNS, Found, Reader, Rows, check_columns, list_columns, shown
from engram.errors import DataError, EngramError, did_you_mean
from engram.lazy import need
from engram.schema.recipe import Source

BATCH_ROWS = 512
_COMMIT = re.compile(r"[0-9a-f]{40}")
# The readers of the library that make tables of text and numbers; the others read images, sound or packed folders.
_TABLES = ("arrow", "cache", "csv", "json", "parquet", "text", "conll")
_SHOWN_LABELS = 8


@dataclass(frozen=True)
class Loaded:
    """A part of a data set: its rows, its subset and part, and the commit that the hub gave (empty if it gave none)."""

    rows: Any
    subset: str
    split: str
    commit: str


def hub_id(source: Source) -> tuple[str, str]:
    """Return the name and the revision that a source asks for.

    >>> hub_id(Source(hub="org/name@v1")), hub_id(Source(hub="org/name"))
    (('org/name', 'v1'), ('org/name', 'main'))
    """
    name, _, revision = str(source.hub).partition("@")
    return name, revision or source.revision


def full_name(source: Source) -> str:
    """Return the name of what was read, pinned: ``hub:org/name@commit/subset/split``."""
    loaded, (name, revision) = _load(source), hub_id(source)
    return f"hub:{name}@{loaded.commit or revision}/{loaded.subset}/{loaded.split}"


def fingerprint(source: Source) -> tuple[str, int]:
    """Return the digest over the rows, each a line of JSON, and the bytes of these lines.

    The files of the library's cache are not what is digested: another version of the library may write others.
    """
    state, size = hashlib.sha256(), 0
    with _told(source):
        for batch in _batches(_load(source).rows):
            for row in batch.to_pylist():
                line = json.dumps(row, sort_keys=True, separators=(",", ":"), default=_plain).encode() + b"\n"
                state.update(line)
                size += len(line)
    return f"sha256:{state.hexdigest()}", size


def look(path: Path, options: Source) -> Found:
    """Return the columns and a sentence: what was read, at which commit, its rows, columns and names of classes."""
    with _told(options):
        rows = _load(options).rows
        columns = tuple(rows.column_names)
        named = [_classes(name, feature) for name, feature in rows.features.items() if hasattr(feature, "names")]
    plural = "s" * (len(columns) != 1)
    said = f"read {full_name(options)}, {len(rows):,} rows, {len(columns)} column{plural}: {list_columns(columns)}"
    return Found(columns, "; ".join([said, *named]))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the rows of a data set, each with its number from 1; classes are the numbers that the data set has.

    Raises DataError for a hub that can't be reached while the cache does not hold the revision, a data set, revision,
    subset or part that does not exist, one that is not a table, and what `engram.data.arrow.rows_of` refuses;
    MissingExtra without the library.
    """
    with _told(options):
        loaded = _load(options)
        check_columns(loaded.rows.column_names, wanted or (), path, None)
        yield from rows_of(_batches(loaded.rows), wanted, nested, path)


@lru_cache(maxsize=8)
def _load(source: Source) -> Loaded:
    name, revision = hub_id(source)
    commit = revision if _COMMIT.fullmatch(revision) else _commit_of(name, revision)
    builder = commit and _cached(name, commit, source.subset)
    if not builder:
        builder = _fetched(name, revision, source.subset)
        if builder.__module__.endswith(".cache"):
            # The library falls back to any commit that it has; what was asked for is another.
            raise ConnectionError(
                f"the cache holds only the commit {builder.hash} and the subset {builder.config.name}"
            )
        table = builder.__module__.rpartition(".")[2]
        if table not in _TABLES:
            message = f"the data set is read as {table!r}, and only tables of text and numbers are rows here."
            raise DataError(message, file=f"hub:{name}", remedy=f"Known: {', '.join(_TABLES)}.")
        builder.download_and_prepare()
    split = _split(source, list(builder.info.splits or ()))
    rows = builder.as_dataset(split=split)
    if len(rows.column_names) > MAX_COLUMNS:
        message = f"the data set has {len(rows.column_names):,} columns; at most {MAX_COLUMNS:,} are read."
        raise DataError(message, file=f"hub:{name}", column=MAX_COLUMNS + 1)
    found = str(builder.hash or "")
    return Loaded(rows, builder.config.name, split, found if _COMMIT.fullmatch(found) else "")


def _commit_of(name: str, revision: str) -> str:
    """Return the commit that a branch or tag had when it was last asked for, as the hub's cache notes it; else none."""
    hub = need("huggingface_hub", extra="hub", why="to read data sets of the hub")
    folder = Path(hub.constants.HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}"
    try:
        commit = (folder / "refs" / revision).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return commit if _COMMIT.fullmatch(commit) else ""


def _cached(name: str, commit: str, subset: str | None) -> Any:
    """Return the library's builder of rows that are in its cache, or None.

    Without the name of a subset only the one that the library calls default is trusted: another may not be the one that
    the data set means.
    """
    datasets = need("datasets", extra="hub", why="to read data sets of the hub")
    cache = need("datasets.packaged_modules.cache.cache", extra="hub", why="to read data sets of the hub").Cache
    owner, _, last = name.rpartition("/")
    root = Path(datasets.config.HF_DATASETS_CACHE)
    below = f"{owner}___{need('datasets.naming', extra='hub', why='').camelcase_to_snakecase(last)}"
    subset = subset or "default"
    for folder in sorted((root / below / subset).glob(f"*/{commit}")):
        if (folder / "dataset_info.json").is_file():
            version = folder.parent.name
            return cache(repo_id=name, dataset_name=last, config_name=subset, version=version, hash=commit)
    return None


def _fetched(name: str, revision: str, subset: str | None) -> Any:
    """Return the library's builder for a data set of the hub: the one place that asks the network."""
    datasets = need("datasets", extra="hub", why="to read data sets of the hub")
    return datasets.load_dataset_builder(f"hf://datasets/{name}", subset, revision=revision)


def _split(source: Source, known: Sequence[str]) -> str:
    if source.split in known or (source.split is None and len(known) == 1):
        return source.split or known[0]
    what = "names no part" if source.split is None else f"has no part {source.split!r}"
    remedy = f"Say which with split: {did_you_mean(source.split or '', known)}".rstrip(": ")
    raise DataError(f"the source {what}. Parts: {list_columns(known)}.", file=f"hub:{source.hub}", remedy=f"{remedy}.")


def _batches(rows: Any) -> Iterator[Any]:
    for table in rows.with_format("arrow").iter(batch_size=BATCH_ROWS):
        yield from table.combine_chunks().to_batches()


def _classes(name: str, feature: Any) -> str:
    pairs = [f"{number} = {shown(each)}" for number, each in enumerate(feature.names[:_SHOWN_LABELS])]
    more = len(feature.names) - _SHOWN_LABELS
    return f"{shown(name)}: {', '.join(pairs)}{f' and {more} more' if more > 0 else ''}"


def _plain(value: Any) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


@contextmanager
def _told(source: Source) -> Iterator[None]:
    """Turn whatever the library, its formats and the network raise into words."""
    try:
        yield
    except EngramError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        name, revision = hub_id(source)
        file = f"hub:{name}@{revision}"
        if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("http"):
            message = (
                f"the hub can't be reached, and the cache of this machine does not hold what was asked for ({first})."
            )
            remedy = "Load it once with a network; then no network is needed. Is subset: right?"
        else:
            message, remedy = f"the data set can't be read ({type(error).__name__}: {first}).", ""
        raise DataError(message, file=file, remedy=remedy) from error


def _never(head: bytes, name: str) -> float:
    """A data set of the hub is never found by the content of a file."""
    return 0.0


HUB = Reader("hub", _never, look, read)
