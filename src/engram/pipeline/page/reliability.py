"""Reliability: how often the model is right, against how sure it says it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.pipeline.page.plot import Scale, frame, nice
from engram.pipeline.page.tables import card, empty, fold, table
from engram.pipeline.page.text import is_number, number, plural, rows
from engram.schema.report import Report

UNIT = Scale(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
FIELDS = ("lower", "upper", "count")
KEYS = (
    ('<rect class="bin" x="4" y="0" width="22" height="12"/>', "share that was right"),
    ('<rect class="gap" x="4" y="1" width="22" height="10"/>', "gap to the stated confidence"),
    ('<line class="ideal" x1="0" y1="6" x2="30" y2="6"/>', "perfectly calibrated"),
)


def section(report: Report | None, note: str = "") -> str:
    """Return the reliability card; a sentence, and `note`, where nothing was measured."""
    bins = [line for line in rows(report.details.get("reliability")) if _fits(line)] if report else []
    if not any(line["count"] for line in bins):
        return card("reliability", "Reliability", empty(_missing(report) + note), span=5)
    says = summary(report, bins)
    legend = "".join(f'<li><svg class="key" aria-hidden="true">{shape}</svg>{text}</li>' for shape, text in KEYS)
    counts = nice(0, max(line["count"] for line in bins), 2, whole=True)
    body = (
        f'<figure><figcaption class="say">{says}</figcaption><ul class="legend">{legend}</ul>'
        + frame(UNIT, UNIT, "confidence of the answer", _bars(bins), says)
        + frame(
            UNIT, counts, "answers in each bin", _histogram(bins, counts), "Answers in each bin of confidence.", True
        )
        + fold("Show as table", _table(bins))
        + "</figure>"
    )
    return card("reliability", "Reliability", body, span=5)


def summary(report: Report | None, bins: list[Mapping[str, Any]]) -> str:
    """Return the calibration in words: its error, and whether the model is too sure or not sure enough."""
    full = [line for line in bins if _full(line)]
    answers = sum(line["count"] for line in full) or 1
    lean = sum((line["confidence"] - line["accuracy"]) * line["count"] for line in full) / answers
    ece = report.metrics.get("ece") if report else None
    error = f"Expected calibration error {number(ece.value)}. " if ece and ece.value is not None else ""
    if abs(lean) < 0.005:
        return f"{error}On average the model is as sure as it is right."
    way = "surer than it is right" if lean > 0 else "less sure than it is right"
    return f"{error}On average the model is {way}, by {number(abs(lean) * 100, decimals=1)} points."


def _missing(report: Report | None) -> str:
    if report is None:
        return "How far the model's confidence can be trusted is measured in the evaluate stage."
    return "This model gives no probabilities, or the report holds no reliability table."


def _fits(line: Mapping[str, Any]) -> bool:
    return all(is_number(line.get(field)) for field in FIELDS) and line["upper"] > line["lower"]


def _full(line: Mapping[str, Any]) -> bool:
    return bool(line["count"]) and is_number(line.get("confidence")) and is_number(line.get("accuracy"))


def _bars(bins: list[Mapping[str, Any]]) -> str:
    shapes = ['<line class="ideal" x1="0" y1="100%" x2="100%" y2="0"/>']
    for line in filter(_full, bins):
        right, sure = UNIT.at(line["accuracy"]), UNIT.at(line["confidence"])
        shapes.append(f"{_box('bin', line, 0.0, right)}/>{_box('gap', line, min(right, sure), max(right, sure))}/>")
    return "".join(shapes)


def _histogram(bins: list[Mapping[str, Any]], y: Scale) -> str:
    full = [line for line in bins if line["count"]]
    return "".join(
        f"{_box('bin', line, 0.0, y.at(line['count']))}><title>{plural(line['count'], 'answer')}</title></rect>"
        for line in full
    )


def _box(kind: str, line: Mapping[str, Any], low: float, high: float) -> str:
    left, width = UNIT.at(line["lower"]) + 0.4, UNIT.at(line["upper"]) - UNIT.at(line["lower"]) - 0.8
    across = f'x="{left:.4g}%" width="{max(width, 0.1):.4g}%"'
    return f'<rect class="{kind}" {across} y="{100 - high:.6g}%" height="{high - low:.6g}%"'


def _table(bins: list[Mapping[str, Any]]) -> str:
    lines = [
        [
            f"{number(line['lower'])} to {number(line['upper'])}",
            number(line["count"]),
            number(line.get("confidence")),
            number(line.get("accuracy")),
        ]
        for line in bins
    ]
    heads = ("Confidence", "Answers", "Mean confidence", "Share right")
    return table("Reliability by bin", heads, lines, right=frozenset({1, 2, 3}))
