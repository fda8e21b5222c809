"""Examples: the test rows of which the model wrote the best and the worst texts, beside the right ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.pipeline.page.scales import unit_of
from engram.pipeline.page.tables import card, empty
from engram.pipeline.page.text import esc, is_lower, is_number, metric_title, number, rows
from engram.schema.report import Report

Better = Mapping[str, str]


def section(report: Report | None, better: Better, note: str = "") -> str:
    """Return the card of the examples; a sentence, and `note`, where there are none. better: metric → max or min."""
    title = "Examples"
    by, best, worst = read(report.details.get("examples")) if report else ("", [], [])
    if not best and not worst:
        waiting = "The best and the worst answers are shown here when the evaluate stage has ended."
        missing = waiting if report is None else "The report holds no examples."
        return card("examples", title, empty(missing + note))
    lower = ", of which less is better" if is_lower(by, better) else ""
    says = f"The test rows that went best and worst by {esc(metric_title(by))}{lower}; long texts are cut."
    if all(line["guess"] is None for line in (*best, *worst)):
        says += " No texts were generated, so the right ones stand alone."
    sides = (("Best", best), ("Worst, the worst first", worst[::-1]))
    lists = "".join(f"<div><h3>{words}</h3>{_list(by, lines)}</div>" for words, lines in sides if lines)
    return card("examples", title, f'<p class="say">{says}</p><div class="duo">{lists}</div>')


def read(found: Any) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what ranks the examples, the best and the worst; lines that are none are left out.

    >>> read({"by": "chrf", "best": [{"row": 3, "score": 81.0, "reference": "yes", "guess": "yes"}, 7]})[1][0]["row"]
    3
    """
    if not isinstance(found, Mapping):
        return "", [], []
    best, worst = ([dict(line) for line in rows(found.get(side)) if _fits(line)] for side in ("best", "worst"))
    return str(found.get("by") or "score"), best, worst


def _fits(line: Mapping[str, Any]) -> bool:
    numbers = is_number(line.get("row")) and is_number(line.get("score"))
    return numbers and isinstance(line.get("reference"), str) and isinstance(line.get("guess"), str | None)


def _list(by: str, lines: list[dict[str, Any]]) -> str:
    return f'<ol class="cases">{"".join(_case(by, line) for line in lines)}</ol>'


def _case(by: str, line: Mapping[str, Any]) -> str:
    score = number(line["score"], decimals=unit_of(by).decimals)
    texts = [("Right text", line["reference"])]
    texts += [("Model", line["guess"])] if line["guess"] is not None else []
    pairs = "".join(f"<div><dt>{words}</dt>{_text(text)}</div>" for words, text in texts)
    head = f'<p class="case"><b>{esc(metric_title(by))} {score}</b><span>row {number(line["row"])}</span></p>'
    return f'<li class="well">{head}<dl class="facts tight">{pairs}</dl></li>'


def _text(text: str) -> str:
    if not text.strip():
        return '<dd class="muted">nothing</dd>'
    # A line end is part of what was written; every other control character shows as its code point.
    return f'<dd class="example" dir="auto">{chr(10).join(map(esc, text.split(chr(10))))}</dd>'
