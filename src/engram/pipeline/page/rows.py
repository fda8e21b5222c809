"""Rows and classes: what happened to the data, and how each class fared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.pipeline.page.stages import TITLES
from engram.pipeline.page.tables import card, empty, fold, kpi, meter, name, table
from engram.pipeline.page.text import esc, is_number, metric_title, number, plural, rows
from engram.schema.report import Report
from engram.schema.split import DataReport

PARTS = ("train", "valid", "test")
CLASS_FIELDS = ("precision", "recall", "f1", "support")
REASONS = {
    "missing_text": "no text",
    "missing_label": "no label",
    "unknown_label": "a label that the recipe does not name",
    "duplicate": "same text and label as another row",
    "leaked": "stood in more than one part",
    "over_limit": "beyond the recipe's limit",
}


def section(data: DataReport | None, note: str = "") -> str:
    """Return the data card; a sentence, and `note`, where the data stage has not reported."""
    if data is None:
        return card("data", "Data", empty("The rows are counted here when the data stage has ended." + note))
    lost = data.rows_read - data.rows_kept
    tiles = [
        kpi("Rows read", number(data.rows_read)),
        kpi("Rows kept", number(data.rows_kept)),
        kpi("Rows dropped", number(lost)),
        kpi("Test rows leaked", number(data.leaked_test_rows)),
        kpi("Empty cells left", number(data.missing_values)),
    ]
    said = "".join(f"<li>{esc(sentence)}</li>" for sentence in data.said)
    found = f'<h3>What was found</h3><ul class="said">{said}</ul>' if said else ""
    left = f"<div>{found}{_dropped(data)}{_example(data)}</div>"
    return card(
        "data", "Data", f'<dl class="kpis">{"".join(tiles)}</dl><div class="duo">{left}<div>{_counts(data)}</div></div>'
    )


def classes(report: Report | None, span: int, note: str = "") -> str:
    """Return the per-class card, the classes with most test rows first."""
    title = "Each class"
    lines = class_lines(report.details.get("per_class_f1")) if report else []
    if not lines:
        waiting = "Precision, recall and F1 of each class come with the evaluate stage."
        missing = waiting if report is None else "The report holds no scores by class."
        return card("classes", title, empty(missing + note), span=span)
    seen = [line for line in lines if line["support"]]
    unseen = (
        f" {plural(len(lines) - len(seen), 'class', 'classes')} without test rows." if len(seen) < len(lines) else ""
    )
    weakest = min(seen or lines, key=lambda line: line["f1"])
    says = (
        f"Weakest: {esc(weakest['label'])}, F1 {number(weakest['f1'])} on {plural(weakest['support'], 'row')}.{unseen}"
    )
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
    heads = ("Class", "F1", '<span class="sr">F1 as a bar</span>', "Precision", "Recall", "Rows")
    shown = table("Scores of each class, by test rows", heads, body, right=frozenset({1, 3, 4, 5}), tall=True)
    return card("classes", title, f'<p class="say">{says}</p>{shown}', span=span)


def class_lines(value: Any) -> list[dict[str, Any]]:
    """Return per-class scores, given as a list of lines or as label → line; lines that lack a number are left out.

    >>> class_lines({"yes": {"precision": 1, "recall": 1, "f1": 1, "support": 3}})[0]["label"]
    'yes'
    """
    if isinstance(value, Mapping):
        value = [{"label": label, **line} for label, line in value.items() if isinstance(line, Mapping)]
    return [dict(line) for line in rows(value) if "label" in line and all(is_number(line.get(f)) for f in CLASS_FIELDS)]


def _dropped(data: DataReport) -> str:
    lines = [
        (REASONS.get(reason) or esc(reason.replace("_", " ")), count) for reason, count in data.dropped.items() if count
    ]
    if not lines:
        return '<h3 class="sub">Dropped rows</h3><p>No row was dropped.</p>'
    body = [[reason, number(count)] for reason, count in sorted(lines, key=lambda line: -line[1])]
    return '<h3 class="sub">Dropped rows</h3>' + table(
        "Dropped rows by reason", ("Reason", "Rows"), body, right=frozenset({1})
    )


def _example(data: DataReport) -> str:
    if not data.example:
        return ""
    titles = {"raw": "as read", "kept": "as kept"}
    blocks = []
    for state, fields in data.example.items():
        pairs = "".join(
            f'<div><dt>{esc(field)}</dt><dd class="example" dir="auto">{esc(text)}</dd></div>'
            for field, text in fields.items()
        )
        blocks.append(
            f'<h3 class="sub">One row {titles.get(state) or esc(state)}</h3><dl class="facts tight">{pairs}</dl>'
        )
    return "".join(blocks)


def _counts(data: DataReport) -> str:
    parts = [part for part in PARTS if part in data.class_counts] + [p for p in data.class_counts if p not in PARTS]
    labels = list(dict.fromkeys(label for part in parts for label in data.class_counts[part]))
    if not labels:
        return "<h3>Parts</h3>" + empty("No part has been dealt.")
    totals = {label: sum(data.class_counts[part].get(label, 0) for part in parts) for label in labels}
    most = max(totals.values()) or 1
    ranked = sorted(labels, key=lambda label: (-totals[label], label))
    sizes = ", ".join(f"{number(sum(data.class_counts[part].values()))} {esc(part)}" for part in parts)
    body = [
        [name(label), meter(totals[label] / most), *(number(data.class_counts[part].get(label, 0)) for part in parts)]
        for label in ranked
    ]
    heads = ("Class", '<span class="sr">All rows as a bar</span>', *(esc(part).capitalize() for part in parts))
    right = frozenset(range(2, len(heads)))
    shown = table("Rows of each class by part", heads, body, right=right, tall=True)
    says = f"{plural(len(labels), 'class', 'classes')}; rows: {sizes}."
    return f'<h3>Parts and classes</h3><p class="say hint">{says}</p>{shown}'


def measurements(reports: Mapping[str, Report], order: list[str]) -> str:
    """Return, folded, every number that any stage measured; nothing where there is none."""
    lines = [
        [
            TITLES.get(stage) or esc(stage),
            name(metric_title(metric)),
            number(measure.value),
            number(reports[stage].n),
            esc(measure.method),
        ]
        for stage in order
        for metric, measure in reports[stage].metrics.items()
    ]
    if not lines:
        return ""
    shown = table(
        "All measurements", ("Stage", "Metric", "Value", "n", "Method"), lines, right=frozenset({2, 3}), stack=True
    )
    return fold(f"All {plural(len(lines), 'measurement')} of every stage", shown)
