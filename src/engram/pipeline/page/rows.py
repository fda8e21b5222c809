"""Rows: what happened to the data, and every number that a stage measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.pipeline.page.scales import in_order
from engram.pipeline.page.stages import TITLES
from engram.pipeline.page.tables import card, empty, fold, kpi, meter, name, table
from engram.pipeline.page.text import esc, is_number, metric_title, number, percent, plural
from engram.schema.report import Report
from engram.schema.split import DataReport

PARTS = ("train", "valid", "test")
REASONS = {
    "blank_line": "an empty line",
    "missing_text": "no text",
    "missing_label": "no label",
    "unknown_label": "a label that the recipe does not name",
    "conflicting_label": "same text as another row, and another label",
    "duplicate": "same text and label as another row",
    "leaked": "stood in more than one part",
    "over_limit": "beyond the recipe's limit",
}


def section(data: DataReport | None, report: Report | None, note: str = "") -> str:
    """Return the data card; a sentence, and `note`, where the data stage has not reported.

    report: the data stage's; its details give the rows of each part where rows have no class to be counted by.
    """
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
        "data",
        "Data",
        f'<dl class="kpis">{"".join(tiles)}</dl><div class="duo">{left}<div>{_counts(data, report)}</div></div>',
    )


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


def _counts(data: DataReport, report: Report | None) -> str:
    parts = [part for part in PARTS if part in data.class_counts] + [p for p in data.class_counts if p not in PARTS]
    labels = list(dict.fromkeys(label for part in parts for label in data.class_counts[part]))
    if not labels:
        return "<h3>Parts</h3>" + _sizes(report.details.get("rows") if report else None)
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


def _sizes(found: Any) -> str:
    """Return the rows of each part, with their share of all."""
    known = dict(found) if isinstance(found, Mapping) else {}
    sizes = {str(part): int(rows) for part, rows in in_order(known, PARTS) if is_number(rows)}
    total = sum(sizes.values())
    if not total:
        return empty("No part has been dealt.")
    lines = [
        [esc(part).capitalize(), meter(rows / total), number(rows), percent(rows / total)]
        for part, rows in sizes.items()
    ]
    heads = ("Part", '<span class="sr">Its share as a bar</span>', "Rows", "Share")
    shown = table("Rows of each part", heads, lines, right=frozenset({2, 3}))
    return f'<p class="say hint">{plural(total, "row")} in {plural(len(sizes), "part")}.</p>{shown}'


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
