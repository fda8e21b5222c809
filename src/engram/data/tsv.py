"""TSV: rows of cells with a tab between them; everything else is as in CSV."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from engram.data import csv
from engram.data.reader import Found, Reader, Rows
from engram.errors import UsageError
from engram.schema.recipe import Source

SUFFIXES = (".tsv", ".tab")


def sniff(head: bytes, name: str) -> float:
    r"""A name that says so and a tab in the first line; a tab under another name is found by the reader of CSV.

    >>> sniff(b"text\tlabel\n", "a.tsv") > csv.sniff(b"text\tlabel\n", "a.tsv") > sniff(b"text,label\n", "a.tsv")
    True
    """
    return 0.65 if name.lower().endswith(SUFFIXES) and b"\t" in head.partition(b"\n")[0] else 0.1


def look(path: Path, options: Source) -> Found:
    """Return the columns and a sentence: format, quoting, number and names of the columns."""
    return csv.look_as("TSV", "\t", path, _tabbed(options))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Stream the rows of a TSV file; raises what the reader of CSV raises, and UsageError for another delimiter."""
    return csv.read(path, _tabbed(options), wanted, nested)


def _tabbed(options: Source) -> Source:
    if options.delimiter not in (None, "\t"):
        told = f"TSV has the delimiter tab, and the delimiter {options.delimiter!r} was given."
        raise UsageError(told, remedy="Set format: csv.")
    return replace(options, delimiter="\t")


READER = Reader("tsv", sniff, look, read, SUFFIXES)
