"""Cells of CSV files that a spreadsheet opens: none of them is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# What spreadsheets take for the start of a formula, or skip to find one (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """Return a value as a cell shows it, with ``'`` before what would be a formula.

    >>> cell("=1+1"), cell(-5), cell("plain")
    ("'=1+1", "'-5", 'plain')
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def line(values: Iterable[object]) -> str:
    """Return one line of a CSV file (RFC 4180).

    >>> line(["a", '"=1"', None])
    'a,\"\"\"=1\"\"\",\\r\\n'
    """
    written = io.StringIO()
    csv.writer(written).writerow([cell(value) for value in values])
    return written.getvalue()
