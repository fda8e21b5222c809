"""The frame of a chart: scales, axes and grid. Places are percentages, so text keeps its size at any width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engram.pipeline.page.text import MINUS, THIN, number

SMALLEST = 1e-30
LARGE = 1e9
MOST_DECIMALS = 10
HALF = 2.5
STEPS = (1.0, 2.0, HALF, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """One axis: its ends and where its ticks stand, all in the unit of the data."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return a value's place between the ends, in percent with two decimals."""
        return round((value - self.low) / (self.high - self.low) * 100, 2)


def nice(low: float, high: float, count: int = 5, tight: bool = False, whole: bool = False) -> Scale:
    """Return a scale over low … high with about `count` round ticks.

    tight: keep the ends as they are. whole: ticks stand on whole numbers only.

    >>> nice(0.13, 0.94).ticks
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    size = max(abs(low), abs(high))
    if high - low <= max(size * 1e-9, SMALLEST):
        room = size / 2 if size > SMALLEST else 0.5
        low, high = low - room, high + room
    rough = (high - low) / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * size for size in STEPS if unit * size >= rough * 0.999 and not (whole and size == HALF))
    step = max(step, 1.0) if whole else step
    if tight:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    else:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))
    return Scale(low, high, ticks) if tight else Scale(ticks[0], ticks[-1], ticks)


def labels(scale: Scale) -> list[tuple[float, str]]:
    """Return each tick's place in percent and its number, with as many decimals as the ticks need to differ.

    >>> labels(Scale(0.693, 0.6935, (0.693, 0.69325, 0.6935)))
    [(0.0, '.693'), (50.0, '.69325'), (100.0, '.6935')]
    """
    step = scale.ticks[1] - scale.ticks[0] if len(scale.ticks) > 1 else 1.0
    decimals = next((digits for digits in range(MOST_DECIMALS) if abs(round(step, digits) - step) < step / 1e3), None)
    return [(scale.at(value), _tick(value, decimals)) for value in scale.ticks]


def frame(x: Scale, y: Scale, x_name: str, inside: str, says: str, low: bool = False) -> str:
    """Return a plot: the y numbers, the drawing, the x numbers and the name of the x axis.

    inside: SVG, placed in percent. says: the chart in one sentence, for screen readers. low: a third of the height.
    """
    rows = "".join(
        f'<text x="36" y="{100 - place:.6g}%" dy="4" text-anchor="end">{shown}</text>' for place, shown in labels(y)
    )
    columns = "".join(
        f'<text x="{place}%" y="17" text-anchor="{anchor(place)}">{shown}</text>' for place, shown in labels(x)
    )
    lines = "".join(
        f'<line class="grid-line" x1="0" x2="100%" y1="{100 - y.at(value)}%" y2="{100 - y.at(value)}%"/>'
        for value in y.ticks
    )
    return (
        f'<div class="plot well{" low" if low else ""}"><svg class="y" aria-hidden="true">{rows}</svg>'
        f'<div class="area" role="img" aria-label="{says}"><svg aria-hidden="true">{lines}'
        f'<line class="axis" x1="0" x2="100%" y1="100%" y2="100%"/>{inside}</svg></div>'
        f'<svg class="x" aria-hidden="true">{columns}</svg><span class="xname">{x_name}</span></div>'
    )


def stretched(inside: str) -> str:
    """Return paths drawn in a square of 0 … 100 that is stretched over the plot."""
    return f'<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none">{inside}</svg>'


def path(x: Scale, y: Scale, points: Sequence[tuple[float, float]], dots: bool = False) -> str:
    """Return path data through the points, or of one dot on each."""
    places = [f"{x.at(a):g} {100 - y.at(b):.6g}" for a, b in points]
    return "".join(f"M{place}h0" for place in places) if dots else "M" + "L".join(places)


def anchor(place: float) -> str:
    """Return how a tick's number is set so that it stays inside the plot."""
    return "start" if place < 3 else "end" if place > 97 else "middle"


def _tick(value: float, decimals: int | None) -> str:
    if decimals is None or abs(value) >= LARGE:
        return number(value)
    shown = f"{abs(value):,.{decimals}f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    sign = MINUS if value < 0 else ""
    return sign + ((shown.removeprefix("0") or "0").replace(",", THIN) if shown else "0")
