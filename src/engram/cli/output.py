"""The one way commands print: lines and tables for people, one JSON document for programs.

Lines for people go to standard output and vanish with ``--json``; warnings and errors go to standard error. Colour is
used on a terminal only, and never when ``NO_COLOR`` is set (https://no-color.org) or ``TERM`` is ``dumb``.

Whatever is printed may hold somebody's words, so nothing of it steers a terminal: control characters, escapes and those
that turn the direction of text are shown as what they are. Only the styles of this file pass, where colour is wanted.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TextIO

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
"""The ``--json`` option of every command; `main` reads it before the command runs, so commands may ignore its value."""

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}

# Controls but tab and newline, invisible and direction-turning characters, line separators, half surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_STYLED = re.compile(rf"\x1b\[(?:{'|'.join(STYLES.values())}|0)(?:;(?:{'|'.join(STYLES.values())}))*m")

_mode = {"json": False}


def use_json(wanted: bool) -> None:
    """Switch the whole process to JSON output, or back."""
    _mode["json"] = wanted


def json_wanted() -> bool:
    """Tell whether the user asked for ``--json``."""
    return _mode["json"]


def on_terminal(stream: TextIO | None = None) -> bool:
    """Tell whether a stream (standard output by default) is a terminal that people look at."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def wants_colour(stream: TextIO | None = None) -> bool:
    """Tell whether a stream may carry escape codes."""
    return on_terminal(stream) and not os.environ.get("NO_COLOR")


def style(text: str, *names: str, stream: TextIO | None = None) -> str:
    """Wrap a text in the named styles (see STYLES) where colour is wanted, else return it as it is."""
    if not names or not wants_colour(stream):
        return text
    return f"\x1b[{';'.join(STYLES[name] for name in names)}m{text}\x1b[0m"


def say(text: str = "", *styles: str) -> None:
    """Print a line for people; with ``--json`` nothing is printed."""
    if not json_wanted():
        _write(sys.stdout, style(text, *styles))


def warn(text: str) -> None:
    """Print a line to standard error, ``--json`` or not."""
    _write(sys.stderr, style("warning:", "yellow", stream=sys.stderr) + " " + text)


def show_error(text: str) -> None:
    """Print what went wrong to standard error, each line marked ``error:``."""
    for line in text.splitlines() or [""]:
        _write(sys.stderr, style("error:", "red", stream=sys.stderr) + " " + line)


def emit_json(value: Any) -> None:
    """Print one JSON document (UTF-8, two spaces; numbers that JSON does not know are refused with ValueError)."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def emit(value: Any, *lines: str) -> None:
    """Print the value with ``--json``, the lines without it."""
    if json_wanted():
        emit_json(value)
        return
    for line in lines:
        say(line)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """Print rows under their headings: by rich on a terminal, as plain text elsewhere, nothing with ``--json``."""
    if json_wanted():
        return
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if on_terminal():
        _rich_table(columns, cells, title)
    else:
        for line in plain_table(columns, cells, title=title):
            _write(sys.stdout, line)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> list[str]:
    """Lay a table out with two spaces between columns.

    >>> plain_table(["name", "n"], [["a", "10"], ["longer", "2"]])
    ['name    n', 'a       10', 'longer  2']
    """
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (columns, *rows)]
    return [*([title] if title else []), *(line.rstrip() for line in lines)]


def pairs(values: Mapping[str, Any]) -> None:
    """Print ``name  value`` lines, aligned; nothing with ``--json``."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        say(f"{name.ljust(width)}  {value}".rstrip())


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text(literal(cell)) for cell in row))
    Console(no_color=not wants_colour(), highlight=False).print(drawn)


def literal(text: str, *, styled: bool = False) -> str:
    """Return a text in which what would steer a terminal stands as it is written in Python.

    styled: let the styles of this file through.

    >>> literal("a\\x1b[2J\\u202eb")
    'a\\\\x1b[2J\\\\u202eb'
    """
    parts = re.split(f"({_STYLED.pattern})", text) if styled else [text]
    shown = (_STEERING.sub(lambda found: ascii(found[0])[1:-1], part) for part in parts[::2])
    return "".join(f"{plain}{style_}" for plain, style_ in zip(shown, [*parts[1::2], ""], strict=True))


def _write(stream: TextIO, line: str) -> None:
    stream.write(literal(line, styled=wants_colour(stream)) + "\n")
