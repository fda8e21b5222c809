"""What `engram data add`, `list` and `show` do, and how datasets are printed.

Where a server owns the home, it is asked; without one the home's own names are used. Both look like the API's datasets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engram.cli import output
from engram.cli.verify import printable
from engram.schema.recipe import Source

PLAIN_SECONDS = 10.0


def add_file(home: Path, file: Path, source: Source, name: str, tick: Callable[[int], None]) -> dict[str, Any]:
    """Check a file and keep it under a name, by the server where one owns the home.

    Raises what `engram.data.names.add_dataset` raises, and HomeBusy.
    """
    from engram.artifacts.home_keys import HomeKeys
    from engram.artifacts.sealed_data import DataVault
    from engram.cli.served import client_of
    from engram.data.names import add_dataset
    from engram.files import home_lock

    if (server := client_of(home)) is not None:
        plain = Source()
        read = {
            key: value
            for key in ("delimiter", "header", "quoting")
            if (value := getattr(source, key)) != getattr(plain, key)
        }
        licence = source.license
        return dict(server.datasets.upload(file, name=name, license=licence, format=source.format, **read))
    with home_lock(home, "data add"):
        return as_shown(add_dataset(home / "datasets", file, source, name, tick, DataVault(HomeKeys(home))))


def list_home(home: Path) -> list[dict[str, Any]]:
    """Return the datasets of a home, by their names."""
    from engram.cli.served import client_of
    from engram.data.names import list_datasets

    if (server := client_of(home)) is not None:
        return sorted(server.datasets.list(), key=lambda one: str(one["name"]))
    return [as_shown(one) for one in list_datasets(home / "datasets").values()]


def show_home(home: Path, name: str) -> dict[str, Any]:
    """Return one dataset by its name or digest; raises NotFound."""
    from engram.cli.served import client_of
    from engram.data.names import find_dataset
    from engram.errors import NotFound, did_you_mean

    if (server := client_of(home)) is not None:
        known = list(server.datasets.list())
        for one in known:
            if name in (one["name"], one["digest"], one["id"]):
                return dict(server.datasets.get(one["id"]))
        remedy = did_you_mean(name, [str(one["name"]) for one in known])
        raise NotFound(f"There is no dataset {name[:80]!r}.", remedy=remedy or "`engram data list` shows the datasets.")
    return as_shown(find_dataset(home / "datasets", name))


def as_shown(one: Any) -> dict[str, Any]:
    """Return a dataset of a home as the API shows one."""
    from engram.schema.codec import to_dict

    said: dict[str, Any] = to_dict(one)
    return {**said, "format": said["quality"]["format"]}


def print_dataset(one: dict[str, Any]) -> None:
    """Print what a dataset holds."""
    if output.json_wanted():
        output.emit_json(one)
        return
    quality: dict[str, Any] = {
        "blank": 0,
        "duplicates": 0,
        "missing": {},
        "labels": {},
        "lengths": {},
        "columns": [],
        "flagged": [],
    }
    quality |= one["quality"]
    output.say(printable(one["name"]), "bold")
    output.pairs(
        {
            "digest": one["digest"],
            "format": one["format"],
            "licence": printable(one["license"]) or "unstated",
            "bytes": f"{one['bytes']:,}",
            "rows": f"{one['rows']:,}",
            "blank rows": f"{quality['blank']:,}",
            "duplicate rows": f"{quality['duplicates']:,}",
        }
    )
    output.say()
    lengths, missing = quality["lengths"], quality["missing"]
    rows = [
        (printable(name), missing.get(name, 0), _lengths(lengths.get(name)), _values(quality["labels"].get(name)))
        for name in quality["columns"][:50]
    ]
    output.table(("column", "empty", "characters", "values"), rows)
    for flag in quality["flagged"][:10]:
        where = f", column {printable(flag['column'])!r}" if flag["column"] else ""
        output.say(f"line {flag['line']}{where}: {flag['what']}", "dim")
    output.say(f"In a recipe: sources: [{{dataset: {printable(one['name'])}}}]", "dim")


@contextmanager
def progress(name: str) -> Iterator[Callable[[int], None]]:
    """Yield what hears how many rows were read: a bar on a terminal, a line each ten seconds elsewhere."""
    if output.on_terminal() and not output.json_wanted():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.completed:,} rows"))
        console = Console(no_color=not output.wants_colour(), highlight=False)
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
            task = bar.add_task(f"Reading {printable(name)}", total=None)
            yield lambda rows: bar.update(task, completed=rows)
        return
    last = time.monotonic()

    def tick(rows: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PLAIN_SECONDS:
            last = time.monotonic()
            output.say(f"read {rows:,} rows")

    yield tick


def _lengths(said: dict[str, Any] | None) -> str:
    return f"{said['least']:,} to {said['most']:,}, mean {said['mean']:,}" if said else "none"


def _values(counts: dict[str, int] | None) -> str:
    most = sorted((counts or {}).items(), key=lambda item: (-item[1], item[0]))[:5]
    more = f" and {len(counts or ()) - 5} more" if len(counts or ()) > 5 else ""
    return ", ".join(f"{printable(value)} {count:,}" for value, count in most) + more
