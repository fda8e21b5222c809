"""An episode as the policy played it: pictures of some of its steps, and every kept step in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engram.pipeline.page.drawings import HEIGHT, WIDTH, draw
from engram.pipeline.page.tables import card, empty, fold, table
from engram.pipeline.page.text import DASH, esc, is_number, number, plural, rows
from engram.schema.report import Report

PICTURES = 12
WENT = {1: "yes", 0: "no"}


def section(report: Report | None, note: str = "") -> str:
    """Return the card of the episode; a sentence, and `note`, where none was played yet."""
    found = report.details.get("episode") if report else None
    if not isinstance(found, Mapping) or not (frames := _frames(found.get("frames"))):
        waiting = "An episode of the policy is shown here when the evaluate stage has ended."
        return card("episode", "Episode", empty((waiting if report is None else "No episode was kept.") + note))
    says = (
        f"The episode of the median return in {esc(found.get('environment'))}, begun with the test seed "
        f"{esc(found.get('seed'))}: a return of {number(found.get('return'))} in "
        f"{plural(int(found.get('steps') or 0), 'step')}."
    )
    best = report.details.get("episodes") if report else None
    body = f'<p class="say">{says}</p>{_strip(str(found.get("environment")), frames)}{_steps(frames)}{_ends(best)}'
    return card("episode", "Episode", body)


def _frames(found: Any) -> list[Mapping[str, Any]]:
    """Return the steps that are whole, so that a strange report shows less and breaks nothing."""
    return [
        line
        for line in rows(found)
        if is_number(line.get("step"))
        and all(isinstance(line.get(key), list) and all(map(is_number, line[key])) for key in ("observation", "action"))
    ]


def _strip(environment: str, frames: Sequence[Mapping[str, Any]]) -> str:
    """Return pictures of steps that are evenly apart; nothing for an environment that none is known of."""
    count = min(PICTURES, len(frames))
    chosen = [frames[round(at * (len(frames) - 1) / max(1, count - 1))] for at in range(count)]
    pictures = [(line, draw(environment, line["observation"])) for line in chosen]
    if not all(drawn for _, drawn in pictures):
        return ""
    items = "".join(
        f'<li><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Step {number(line["step"])}: '
        f'{_said(line["observation"])}">{drawn}</svg><span>step {number(line["step"])}, '
        f"action {_said(line['action'])}</span></li>"
        for line, drawn in pictures
    )
    return f'<ol class="strip">{items}</ol>'


def _steps(frames: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        [number(one["step"]), _said(one["observation"]), _said(one["action"]), number(one.get("reward"))]
        for one in frames
    ]
    heads = ("Step", "Observation", "Action", "Reward")
    return fold("Show each step", table("The episode step by step", heads, lines, right=frozenset({3}), tall=True))


def _ends(found: Any) -> str:
    lines = rows(found.get("rows")) if isinstance(found, Mapping) else []
    if not lines:
        return ""
    rule = esc(found.get("success")) if found.get("success") else "nothing that the environment defines"
    body = [
        [
            esc(line.get("seed")),
            number(line.get("return")),
            number(line.get("steps")),
            WENT.get(line["success"], DASH) if isinstance(line.get("success"), int) else DASH,
        ]
        for line in sorted(lines, key=lambda line: line["return"] if is_number(line.get("return")) else 0.0)
    ]
    heads = ("Seed", "Return", "Steps", "Success")
    shown = table("The worst and the best episodes", heads, body, right=frozenset({1, 2}))
    return f'<h3 class="sub">The worst and the best episodes</h3><p class="say hint">Success: {rule}.</p>{shown}'


def _said(values: Sequence[float]) -> str:
    shown = ", ".join(number(one) for one in values)
    return f"[{shown}]" if len(values) > 1 else shown
