"""A recipe as text: our keys in our order, each line with a comment that says where it comes from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engram.config.importers.report import Ignored, Unsupported
from engram.config.importers.sheet import Line
from engram.config.parse import scalar
from engram.schema.codec import Path

ORDER = (
    "format", "name", "title", "kind", "task", "use", "model", "data", "prep", "adapter", "train", "evaluate", "gates",
    "export", "simulate",
)  # fmt: skip
APART = {"model", "data", "adapter", "train", "export"}
FIRST = {"data": ("sources", "format", "columns", "split"), "adapter": ("type",)}
WIDTH = 118
_PLAIN = re.compile(r"[A-Za-z][\w ./+-]*|\./[\w./-]+")


def recipe_text(head: Sequence[str], lines: Mapping[Path, Line], tail: Sequence[str]) -> str:
    """Return the recipe with comments before and after it."""
    found = [comment(part) for one in head for part in wrapped(one, WIDTH)]
    for key in sorted({path[0] for path in lines}, key=ORDER.index):
        if key in APART:
            found.append("")
        found += _entry((key,), lines, 0)
    return "\n".join([*found, "", *(comment(one) for one in tail)]).rstrip() + "\n"


def left_out(ignored: Sequence[Ignored], unsupported: Sequence[Unsupported]) -> Iterator[str]:
    """Yield what the last comment of a recipe says: the keys that it does not carry, and why."""
    for title, found in (
        ("Not carried over, because it has no meaning here:", ignored),
        ("Not there yet:", unsupported),
    ):
        if found:
            yield title
            for one in found:
                first, *more = wrapped(f"{one.where} {one.key}: {one.reason}", WIDTH - 8)
                yield f"  {first}"
                yield from (f"      {line}" for line in more)


def comment(text: str) -> str:
    """Make a comment of any text: one line, nothing that could end it."""
    return f"# {plain(text)}".rstrip()


def plain(text: str) -> str:
    """Show characters that don't print by their code.

    >>> plain("a" + chr(10) + "b")
    'a\\\\nb'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def wrapped(text: str, width: int) -> list[str]:
    """Break a text at spaces; a word that is longer than a line stays whole.

    >>> wrapped("one two three", 8)
    ['one two', 'three']
    """
    lines = [""]
    for word in plain(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def yaml_scalar(value: Any) -> str:
    """Write one value so that `engram.config.parse` reads it as the same.

    >>> [yaml_scalar(value) for value in (2e-5, True, None, "no", "1e3", "org/name", "a: b", ["x", "y"])]
    ['2.0e-5', 'true', 'null', 'no', '"1e3"', 'org/name', '"a: b"', '[x, y]']
    """
    if isinstance(value, list):
        return f"[{', '.join(map(yaml_scalar, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return str(value)
    return _text(str(value))


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"no recipe holds {value}")
    shown = repr(value)
    # Readers of YAML 1.1 take 2e-05 for text and 2.0e-05 for a number.
    shown = shown.replace("e", ".0e", 1) if "e" in shown and "." not in shown else shown
    return re.sub(r"e([-+])0", r"e\1", shown)


def _text(value: str) -> str:
    escaped = value.replace("${", "$${")  # a recipe expands variables; this text has none
    if _PLAIN.fullmatch(escaped) and not escaped.endswith(" ") and scalar(escaped) == escaped:
        return escaped
    quoted = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted) + '"'


def _entry(path: Path, lines: Mapping[Path, Line], depth: int) -> list[str]:
    """Return the lines of one key and of all that is below it."""
    indent = "  " * depth
    if path in lines:
        return _line(f"{indent}{path[-1]}: {yaml_scalar(lines[path].value)}", lines[path].comment, indent)
    below = [*dict.fromkeys(one[: len(path) + 1] for one in lines if one[: len(path)] == path)]
    first = FIRST.get(str(path[-1]), ())
    below.sort(key=lambda one: first.index(one[-1]) if one[-1] in first else len(first))
    found = [f"{indent}{path[-1]}:"]
    for one in below:
        if isinstance(one[-1], int):
            found += _item(one, lines, depth + 1)
        else:
            found += _entry(one, lines, depth + 1)
    return found


def _item(path: Path, lines: Mapping[Path, Line], depth: int) -> list[str]:
    """Return the lines of one block of a list; a comment that all its lines share is said once."""
    inside: list[str] = []
    said = ""
    for key, line in lines.items():
        if key[: len(path)] == path:
            again = line.comment == said
            inside += _entry(key, {key: Line(line.value, "") if again else line}, depth + 1)
            said = line.comment
    first = next(number for number, one in enumerate(inside) if not one.lstrip().startswith("#"))
    indent = "  " * depth
    above = [f"{indent}{one.lstrip()}" for one in inside[:first]]
    return [*above, f"{indent}- {inside[first].lstrip()}", *inside[first + 1 :]]


def _line(text: str, said: str, indent: str) -> list[str]:
    if not said:
        return [text]
    whole = f"{text}  {comment(said)}"
    if len(whole) <= WIDTH:
        return [whole]
    return [*(f"{indent}{comment(part)}" for part in wrapped(said, WIDTH - len(indent) - 2)), text]
