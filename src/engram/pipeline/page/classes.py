"""Precision, recall and F1 of each class, or of each type of span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engram.pipeline.page.tables import card, empty, meter, name, table
from engram.pipeline.page.text import esc, is_number, number, plural, rows
from engram.schema.report import Report

FIELDS = ("precision", "recall", "f1", "support")


@dataclass(frozen=True)
class Kind:
    """What is scored. key: of the lines in the details. one, many: their names. counted: what the support counts."""

    key: str
    one: str
    many: str
    counted: str
    support: str


CLASSES = Kind("per_class_f1", "class", "classes", "row", "test rows")
TYPES = Kind("per_type_f1", "type", "types", "span", "true spans")


def section(report: Report | None, kind: Kind, span: int, note: str = "") -> str:
    """Return the card of the scores, those with the largest support first."""
    title = f"Each {kind.one}"
    lines = read(report.details.get(kind.key)) if report else []
    if not lines:
        waiting = f"Precision, recall and F1 of each {kind.one} come with the evaluate stage."
        missing = waiting if report is None else f"The report holds no scores by {kind.one}."
        return card("classes", title, empty(missing + note), span=span)
    seen = [line for line in lines if line["support"]]
    missing = plural(len(lines) - len(seen), kind.one, kind.many)
    unseen = f" {missing} without {kind.support}." if len(seen) < len(lines) else ""
    weakest = min(seen or lines, key=lambda line: line["f1"])
    on = plural(weakest["support"], kind.counted)
    says = f"Weakest: {esc(weakest['label'])}, F1 {number(weakest['f1'])} on {on}.{unseen}"
    body = [
        [
            name(line["label"]),
            number(line["f1"]),
            meter(line["f1"]),
            number(line["precision"]),
            number(line["recall"]),
            number(line["support"]),
        ]
        for line in sorted(lines, key=lambda line: (-line["support"], str(line["label"])))
    ]
    bar = '<span class="sr">F1 as a bar</span>'
    heads = (kind.one.capitalize(), "F1", bar, "Precision", "Recall", f"{kind.counted.capitalize()}s")
    caption = f"Scores of each {kind.one}, by {kind.support}"
    shown = table(caption, heads, body, right=frozenset({1, 3, 4, 5}), tall=True)
    return card("classes", title, f'<p class="say">{says}</p>{shown}', span=span)


def read(value: Any) -> list[dict[str, Any]]:
    """Return scores, given as a list of lines or as label → line; lines that lack a number are left out.

    >>> read({"yes": {"precision": 1, "recall": 1, "f1": 1, "support": 3}})[0]["label"]
    'yes'
    """
    if isinstance(value, Mapping):
        value = [{"label": label, **line} for label, line in value.items() if isinstance(line, Mapping)]
    return [dict(line) for line in rows(value) if "label" in line and all(is_number(line.get(f)) for f in FIELDS)]
