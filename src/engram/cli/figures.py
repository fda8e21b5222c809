"""Metrics as people read them in a terminal: their order, their numbers, and a mark where less is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Found = TypeVar("Found")
NONE = "–"


def known_directions(recipe: Any) -> dict[str, str]:
    """Return ``max`` or ``min`` for each measure of a run, the primary one first; nothing of a kind not known here."""
    from engram.pipeline.story_page import known

    return known(recipe)[0]


def marked(name: str, better: Mapping[str, str]) -> str:
    """Return a metric's name, with an arrow where less of it is better.

    >>> marked("perplexity", {"perplexity": "min"}), marked("accuracy", {"accuracy": "max"})
    ('perplexity ↓', 'accuracy')
    """
    return f"{name} ↓" if better.get(name) == "min" else name


def ordered(metrics: Mapping[str, Found], better: Mapping[str, str]) -> list[tuple[str, Found]]:
    """Return metrics with what belongs to them: the task's own measures first, the primary one in front."""
    return [(name, metrics[name]) for name in dict.fromkeys((*better, *metrics)) if name in metrics]


def figure(value: float | None, *, signed: bool = False) -> str:
    """Return a number with four decimals, or five digits where it is large; a dash where nothing was measured.

    >>> figure(0.88491), figure(28145.23), figure(-0.5, signed=True), figure(None)
    ('0.8849', '28145', '-0.5000', '–')
    """
    if value is None:
        return NONE
    decimals = max(0, 4 - max(0, len(str(int(abs(value)))) - 1)) if abs(value) < 1e15 else 0
    return f"{value:{'+' if signed else ''}.{decimals}f}"


def ends(interval: Iterable[float] | None) -> str:
    """Return an interval of a difference; a dash where there is none."""
    return NONE if interval is None else "[" + ", ".join(figure(end, signed=True) for end in interval) + "]"
