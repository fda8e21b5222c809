"""`engram data`: look at a file of rows before anything is trained on it, and keep it in the home by its digest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engram.cli import output

if TYPE_CHECKING:
    from rich.console import Console

    from engram.schema.recipe import Source
    from engram.schema.split import DataReport

app = typer.Typer(
    help="Look at rows before training: what is in a file, and what would be lost; and keep datasets.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="A CSV or JSON Lines file.", show_default=False)]
Columns = Annotated[str, typer.Option(help="Which column is which, as text=sentence,label=class.")]
Rows = Annotated[str, typer.Option(help="The form of the rows: label, tags, messages, alpaca, …; auto looks.")]
Format = Annotated[str, typer.Option("--format", help="csv, jsonl, or auto to look at the content.")]
Delimiter = Annotated[str | None, typer.Option(help="One character (CSV only); found by looking when absent.")]
Header = Annotated[str | None, typer.Option(help="Column names, comma-separated, for CSV without a header line.")]
Quoting = Annotated[bool, typer.Option(help="--no-quoting takes quotes as ordinary characters (CSV only).")]


@app.command()
def check(
    file: File,
    columns: Columns = "",
    rows: Rows = "auto",
    format: Format = "auto",
    delimiter: Delimiter = None,
    header: Header = None,
    quoting: Quoting = True,
    normalise: Annotated[bool, typer.Option(help="Apply the prep step `normalise`, as recipes do.")] = True,
) -> None:
    """Read the whole FILE and report: format, columns, rows, what would be dropped and why, classes, one example."""
    from engram import registry
    from engram.data.prepare import check_data
    from engram.schema.form import FORMS
    from engram.schema.recipe import Data

    steps = [registry.get("prep step", "normalise").apply] if normalise else []
    source = _source(file, format, delimiter, header, quoting)
    data = Data(sources=(source,), format=rows, columns=parse_columns(columns))
    report = check_data(data, folder=Path(), forms=tuple(FORMS), steps=steps)
    if output.json_wanted():
        from engram.schema.codec import to_dict

        output.emit_json(to_dict(report))
    else:
        _print_report(report)


@app.command()
def add(
    file: File,
    name: Annotated[str, typer.Option(help="The dataset's name; without it the file's own.")] = "",
    license: Annotated[str, typer.Option(help="The licence of the data, as CC-BY-4.0 or own.")] = "unstated",
    format: Format = "auto",
    delimiter: Delimiter = None,
    header: Header = None,
    quoting: Quoting = True,
) -> None:
    """Read the whole FILE and keep it as a dataset of this home, which recipes name as `dataset: NAME`."""
    from dataclasses import replace

    from engram.cli.datasets import add_file, print_dataset, progress
    from engram.settings import load_settings

    source = replace(_source(file, format, delimiter, header, quoting), license=license)
    with progress(file.name) as tick:
        made = add_file(load_settings().home, file, source, name or file.name, tick)
    print_dataset(made)


@app.command()
def fid(
    one: Annotated[Path, typer.Argument(help="A folder of pictures.", show_default=False)],
    other: Annotated[Path, typer.Argument(help="Another one.", show_default=False)],
    model: Annotated[str, typer.Option(help="The model whose features are compared: a hub id, a folder or made:NAME.")],
    revision: Annotated[str, typer.Option(help="A branch, tag or commit of the hub.")] = "main",
) -> None:
    """Say how far the pictures of ONE are from those of OTHER as a set, and by which features (FID)."""
    import importlib

    from engram import registry

    found = importlib.import_module(registry.get("kind", "vision").code).fid(one, other, model, revision)
    if output.json_wanted():
        output.emit_json(found)
        return
    first, second = found["pictures"]
    output.pairs(
        {
            "FID": f"{found['fid']:.4g}",
            "features": found["features"],
            "pictures": f"{first:,} and {second:,}",
            "model": found["digest"],
        }
    )


@app.command("list")
def list_datasets() -> None:
    """List the datasets of this home."""
    from engram.cli.datasets import list_home
    from engram.settings import load_settings

    found = list_home(load_settings().home)
    columns = ("name", "rows", "bytes", "format", "license", "digest")
    output.table(
        columns, [[f"{one[key]:,}" if key in ("rows", "bytes") else one[key] for key in columns] for one in found]
    )
    if output.json_wanted():
        output.emit_json(found)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A file of rows, or the name or digest of a dataset.")],
    rows: Annotated[int, typer.Option(min=1, help="How many rows.")] = 5,
    format: Format = "auto",
    delimiter: Delimiter = None,
    header: Header = None,
    quoting: Quoting = True,
) -> None:
    """Print the first rows of a file, every column, with the line that each begins on; or what a dataset holds."""
    from itertools import islice

    from rich.table import Table

    from engram.cli.datasets import list_home, print_dataset, show_home
    from engram.data.reader import choose_reader, shown
    from engram.data.sources import source_path
    from engram.settings import load_settings

    if not file.exists() and len(file.parts) == 1:
        home = load_settings().home
        if not file.suffix or any(str(file) == one["name"] for one in list_home(home)):
            print_dataset(show_home(home, str(file)))
            return
    source = _source(file, format, delimiter, header, quoting)
    path = source_path(source, Path())
    reader = choose_reader(path, source)
    found = reader.look(path, source)
    first = [(line, cells) for line, cells in islice(reader.read(path, source, None), rows) if cells]
    if output.json_wanted():
        output.emit_json([{"line": line, "cells": dict(cells)} for line, cells in first])
        return
    table = Table("line", *(shown(name) for name in found.columns))
    for line, cells in first:
        table.add_row(str(line), *(shown(cells.get(name, "")) for name in found.columns))
    console = _console()
    console.print(found.said, soft_wrap=True)
    console.print(table)


def parse_columns(text: str) -> dict[str, str]:
    """Read ``role=column`` pairs.

    Raises UsageError for a pair without both sides.

    >>> parse_columns("text=sentence,label=class")
    {'text': 'sentence', 'label': 'class'}
    """
    from engram.errors import UsageError

    if not text.strip():
        return {}
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(role.strip() and column for role, _, column in pairs):
        raise UsageError(f"--columns must look like text=sentence,label=class, not {text!r}.")
    return {role.strip(): column for role, _, column in pairs}


def _source(file: Path, format: str, delimiter: str | None, header: str | None, quoting: bool) -> Source:
    from engram.schema.recipe import Source

    given = {"\\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter)
    names = tuple(header.split(",")) if header else None
    return Source(path=str(file), format=format, delimiter=given, header=names, quoting=quoting)


def _print_report(report: DataReport) -> None:
    from rich.table import Table

    from engram.data.reader import shown

    console = _console()
    for sentence in report.said:
        if not sentence.startswith("rows in parts"):
            console.print(sentence, soft_wrap=True)
    lost = Table("dropped because", "rows")
    for reason, rows in report.dropped.items():
        lost.add_row(reason.replace("_", " "), str(rows))
    if report.dropped:
        console.print(lost)
    kept = {label: rows for label, rows in report.class_counts["train"].items() if rows}
    if kept:
        counts = Table("label", "rows", "share")
        for label, rows in sorted(kept.items(), key=lambda item: (-item[1], item[0])):
            counts.add_row(shown(label), str(rows), f"{rows / report.rows_kept:.1%}")
        console.print(counts)
    for stage, cells in report.example.items():
        console.print(f"one row as {'read' if stage == 'raw' else 'kept'}:")
        for name, value in cells.items():
            console.print(f"  {shown(name)}: {shown(value)}", soft_wrap=True)
    console.print(f"{report.rows_kept} of {report.rows_read} rows can be used.")


def _console() -> Console:
    """Return a console that shows foreign text literally: no markup in square brackets, no emoji names."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)
