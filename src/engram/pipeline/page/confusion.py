"""The confusion matrix: every cell up to 30 classes; beyond, the most confused pairs and an overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from engram.pipeline.page.tables import card, empty, name, table
from engram.pipeline.page.text import esc, is_number, number, percent, plural
from engram.pipeline.page.tokens import LEVELS
from engram.schema.report import Report

MOST_CLASSES = 30
MOST_BESIDE = 9
MOST_BLOCKS = 150
MOST_PAIRS = 20
FAINTEST = 4  # a lone cell of the overview is a few pixels wide and must still be seen
Matrix = list[list[int]]


@dataclass(frozen=True)
class Kind:
    """What is confused.

    key: of the counts in the details. counted: what a cell counts. one, many: the answers. outside: the answer of what
    is nothing in particular, if there is one.
    """

    key: str
    title: str
    counted: str
    one: str
    many: str
    outside: str | None = None


CLASSES = Kind("confusion_matrix", "Confusion matrix", "test row", "class", "classes")
TAGS = Kind("tag_confusion", "Confusion of tags", "word", "tag", "tags", "O")


def section(report: Report | None, kind: Kind, span: int, note: str = "") -> str:
    """Return the card of the confusion matrix; a sentence, and `note`, where there is none."""
    matrix, labels = read(report.details, kind) if report else ([], [])
    if not matrix:
        waiting = f"Which {kind.one} is taken for which is counted in the evaluate stage."
        missing = waiting if report is None else f"The report holds no {kind.title.lower()}."
        return card("confusion", kind.title, empty(missing + note), span=span)
    says = f'<p class="say">{summary(matrix, labels, kind)}</p>'
    if len(labels) <= MOST_CLASSES:
        return card("confusion", kind.title, says + _legend(kind) + _cells(matrix, labels, kind), span=span)
    pairs = _pairs(matrix, labels, kind)
    overview = f"<h3>Overview of {plural(len(labels), kind.one, kind.many)}</h3>{_legend(kind)}{_map(matrix)}"
    both = f'<div class="duo"><div><h3>Most confused pairs</h3>{pairs}</div><div>{overview}</div></div>'
    return card("confusion", kind.title, says + both)


def is_wide(report: Report | None, kind: Kind) -> bool:
    """Tell whether the matrix has too many classes for a card beside another."""
    return report is not None and len(read(report.details, kind)[0]) > MOST_BESIDE


def read(details: Mapping[str, Any], kind: Kind) -> tuple[Matrix, list[str]]:
    """Return the counts (rows truth, columns guess) and the labels; both empty unless they fit each other."""
    found, labels = details.get(kind.key), details.get("labels")
    lines = list(found) if isinstance(found, list | tuple) else []
    if not lines or any(not isinstance(line, list | tuple) or len(line) != len(lines) for line in lines):
        return [], []
    if not all(is_number(count) and count >= 0 for line in lines for count in line):
        return [], []
    named = list(labels) if isinstance(labels, list | tuple) and len(labels) == len(lines) else range(len(lines))
    return [[int(count) for count in line] for line in lines], [str(label) for label in named]


def summary(matrix: Matrix, labels: Sequence[str], kind: Kind) -> str:
    """Return the matrix in words: how many are right, and the pair that is confused most."""
    everything, right = sum(map(sum, matrix)), sum(line[at] for at, line in enumerate(matrix))
    said = f"{number(right)} of {plural(everything, kind.counted)} are right{_marked(matrix, labels, kind)}"
    worst = most_confused(matrix, 1)
    if not worst:
        return f"{said}; no {kind.one} is taken for another."
    count, truth, guess = worst[0]
    times = "once" if count == 1 else "twice" if count == 2 else f"{number(count)} times"
    return f"{said}. Most often confused: {esc(labels[truth])} taken for {esc(labels[guess])}, {times}."


def _marked(matrix: Matrix, labels: Sequence[str], kind: Kind) -> str:
    """Return how many are right where the truth is not the outside one, which is most of the words and easy."""
    if kind.outside not in labels:
        return ""
    rest = [(at, line) for at, line in enumerate(matrix) if labels[at] != kind.outside]
    right, everything = sum(line[at] for at, line in rest), sum(sum(line) for _, line in rest)
    return f", {number(right)} of the {number(everything)} that are not {esc(kind.outside)}"


def most_confused(matrix: Matrix, most: int) -> list[tuple[int, int, int]]:
    """Return the largest (count, truth, guess) off the diagonal, largest first.

    >>> most_confused([[5, 2, 0], [1, 4, 3], [0, 0, 9]], 2)
    [(3, 1, 2), (2, 0, 1)]
    """
    wrong = [(count, t, g) for t, line in enumerate(matrix) for g, count in enumerate(line) if t != g and count]
    return sorted(wrong, key=lambda cell: (-cell[0], cell[1], cell[2]))[:most]


def shade(count: int, whole: int) -> int:
    """Return the level, 0 to 8, of a cell: it grows with the square root of its share of the row.

    >>> shade(0, 10), shade(1, 100), shade(25, 100), shade(100, 100)
    (0, 1, 4, 8)
    """
    return min(LEVELS, max(1, round((count / whole) ** 0.5 * LEVELS))) if count else 0


def _kind(truth: int, guess: int, level: int) -> str:
    return f"{'right' if truth == guess else 'wrong'}-{level}" if level else "zero"


def _legend(kind: Kind) -> str:
    ramps = (("right", "right"), ("wrong", f"taken for another {kind.one}"))
    strips = ""
    for hue, text in ramps:
        steps = "".join(f'<i class="{hue}-{level}"></i>' for level in range(1, LEVELS + 1))
        strips += f'<li><span class="ramp" aria-hidden="true">{steps}</span>{text}</li>'
    note = "<li>shade: square root of the share of the row, 0 to 100&nbsp;%</li>"
    return f'<ul class="legend">{strips}{note}</ul>'


def _cells(matrix: Matrix, labels: Sequence[str], kind: Kind) -> str:
    heads = "".join(f'<th scope="col">{name(label)}</th>' for label in labels)
    lines = []
    for truth, line in enumerate(matrix):
        whole = sum(line)
        cells = "".join(
            f'<td class="{_kind(truth, guess, shade(count, whole))}"'
            + (f' title="{percent(count / whole)} of {esc(labels[truth])}"' if count else "")
            + f">{number(count)}</td>"
            for guess, count in enumerate(line)
        )
        lines.append(f'<tr><th scope="row">{name(labels[truth])}</th>{cells}</tr>')
    caption = f"{kind.title}: rows are the truth, columns the model's guess, cells count {kind.counted}s"
    return (
        f'<div class="scroll{" dense" if len(labels) > 14 else ""}" role="region" tabindex="0" aria-label="{caption}">'
        f'<table class="matrix"><caption class="sr">{caption}</caption><thead><tr>'
        f'<th class="corner" scope="col">guess →<br>truth ↓</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _pairs(matrix: Matrix, labels: Sequence[str], kind: Kind) -> str:
    lines = [
        [name(labels[truth]), name(labels[guess]), number(count), percent(count / sum(matrix[truth]))]
        for count, truth, guess in most_confused(matrix, MOST_PAIRS)
    ]
    if not lines:
        return empty(f"No {kind.one} is taken for another.")
    heads = ("Truth", "Taken for", f"{kind.counted.split()[-1].capitalize()}s", "Share")
    return table(f"The {len(lines)} most confused pairs", heads, lines, right=frozenset({2, 3}))


def _blocks(matrix: Matrix) -> Matrix:
    size = -(-len(matrix) // MOST_BLOCKS)
    starts = range(0, len(matrix), size)
    return [[sum(sum(line[g : g + size]) for line in matrix[t : t + size]) for g in starts] for t in starts]


def _map(matrix: Matrix) -> str:
    blocks = _blocks(matrix)
    paths: dict[str, list[str]] = {}
    for truth, line in enumerate(blocks):
        whole = sum(line)
        kinds = [_kind(truth, guess, count and max(FAINTEST, shade(count, whole))) for guess, count in enumerate(line)]
        for kind, run in groupby(enumerate(kinds), key=lambda pair: pair[1]):
            places = [guess for guess, _ in run]
            if kind != "zero":
                paths.setdefault(kind, []).append(f"M{places[0]} {truth}h{len(places)}v1h-{len(places)}z")
    shapes = "".join(f'<path class="{kind}" d="{"".join(parts)}"/>' for kind, parts in sorted(paths.items()))
    says = "Overview of the confusion matrix: truth downwards, guess to the right; the diagonal is right."
    side = len(blocks)
    return (
        f'<div class="map well"><svg viewBox="0 0 {side} {side}" shape-rendering="crispEdges" role="img" '
        f'aria-label="{says}">{shapes}</svg></div>'
        '<p class="hint">Truth downwards, guess to the right, in the order of the labels; rare cells stand out.</p>'
    )
