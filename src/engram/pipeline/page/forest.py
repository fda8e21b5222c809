"""Baseline against tuned: one row a metric with its interval, and the paired difference beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engram.pipeline.page.plot import Scale, anchor, labels, nice
from engram.pipeline.page.tables import card, empty, fold, table
from engram.pipeline.page.text import LOWER_IS_BETTER, esc, interval, is_number, metric_title, number, short
from engram.schema.report import Measure, Report

ROW = 62
TOP = 8
SHORT = {"ece": "ECE"}
Measures = list[tuple[str, Measure]]


def section(report: Report | None, baseline: str, note: str = "") -> str:
    """Return the card that sets tuned against baseline, named by HTML; `note` says why it is empty."""
    title = "Baseline and tuned"
    if report is None or not report.metrics:
        missing = "The tuned model is measured against its baseline in the evaluate stage."
        return card("compare", title, empty(missing + note))
    second = majority(report)
    measures = [(name, measure) for name, measure in report.metrics.items() if is_number(measure.value)]
    shares = [(name, measure) for name, measure in measures if _is_share(measure)]
    gains = [(name, measure) for name, measure in shares if is_number(measure.difference)]
    panels = ""
    if shares:
        panels = _panel("Scores", _legend(baseline, shares, second), _scores(shares, second))
    if gains:
        panels += _panel("Difference, tuned less baseline", _gain_legend(), _differences(gains))
    body = (f'<div class="duo">{panels}</div>' if panels else "") + fold(
        "Show as table", _table(report, baseline, second), opened=not panels
    )
    methods = sorted({measure.method for _, measure in measures if measure.method})
    aside = f"95 % intervals: {esc('; '.join(methods))}" if methods else ""
    return card("compare", title, body, aside=aside)


def majority(report: Report) -> Mapping[str, float]:
    """Return the majority class's numbers by metric, from the details ``majority`` or ``baselines.majority``."""
    others = report.details.get("baselines")
    places = (report.details.get("majority"), others.get("majority") if isinstance(others, Mapping) else None)
    return next((place for place in places if isinstance(place, Mapping)), {})


def verdict_class(name: str, ends: Iterable[float] | None) -> str:
    """Return ``gain``, ``harm`` or ``unsure`` for a difference, by which side of zero its interval lies on.

    >>> verdict_class("accuracy", (0.05, 0.09)), verdict_class("ece", (0.01, 0.02)), verdict_class("ece", (-0.1, 0.1))
    ('gain', 'harm', 'unsure')
    """
    low, high = _ends(ends) or (0.0, 0.0)
    if low <= 0 <= high:
        return "unsure"
    return "gain" if (low > 0) != (name in LOWER_IS_BETTER) else "harm"


def _is_share(measure: Measure) -> bool:
    values = [measure.value, measure.baseline, *(_ends(measure.interval) or ())]
    return all(0 <= value <= 1 for value in values if value is not None)


def _ends(ends: Iterable[float] | None) -> tuple[float, float] | None:
    values = tuple(ends or ())
    return (values[0], values[1]) if len(values) == 2 and all(map(is_number, values)) else None


def _panel(title: str, legend: str, drawing: str) -> str:
    return f'<figure><h3>{title}</h3>{legend}<div class="forest well">{drawing}</div></figure>'


def _legend(baseline: str, shares: Measures, second: Mapping[str, float]) -> str:
    shapes = [('<path class="ci" d="M4 6h22"/><circle class="dot" cx="15" cy="6" r="5"/>', "tuned, 95 % interval")]
    if any(measure.baseline is not None for _, measure in shares):
        shapes.append(('<path class="base" d="M15 .5l5.5 5.5-5.5 5.5-5.5-5.5z"/>', baseline))
    if any(is_number(second.get(name)) for name, _ in shares):
        shapes.append(('<path class="base2" d="M15 1v10"/>', "majority class"))
    return _keys(shapes)


def _gain_legend() -> str:
    shapes = [("gain", "better"), ("harm", "worse"), ("unsure", "interval includes zero")]
    return _keys([(f'{_symbol(kind, "15", 6)}<path class="ci {kind}" d="M2 6h26"/>', text) for kind, text in shapes])


def _keys(shapes: Sequence[tuple[str, str]]) -> str:
    items = "".join(f'<li><svg class="key" aria-hidden="true">{shape}</svg>{text}</li>' for shape, text in shapes)
    return f'<ul class="legend forest-legend">{items}</ul>'


def _scores(shares: Measures, second: Mapping[str, float]) -> str:
    seen = [v for _, m in shares for v in (m.value, m.baseline, *(_ends(m.interval) or ())) if v is not None]
    seen += [second[name] for name, _ in shares if is_number(second.get(name)) and 0 <= second[name] <= 1]
    scale = nice(min(seen), max(seen))
    lines = []
    for at, (name, measure) in enumerate(shares):
        middle = _middle(at)
        value = number(measure.value) + _ends_text(measure.interval)
        shapes = _label(at, name, value)
        if ends := _ends(measure.interval):
            shapes += _line(scale, ends, middle, "ci")
        other = second.get(name)
        if other is not None and is_number(other) and scale.low <= other <= scale.high:
            shapes += f'<svg x="{scale.at(other)}%" y="{middle}" class="at"><path class="base2" d="M0 -8v16"/></svg>'
        if measure.baseline is not None:
            diamond = '<path class="base" d="M0 -7l7 7-7 7-7-7z"/>'
            shapes += f'<svg x="{scale.at(measure.baseline)}%" y="{middle}" class="at">{diamond}</svg>'
        shapes += f'<circle class="dot" cx="{scale.at(measure.value or 0.0)}%" cy="{middle}" r="6"/>'
        lines.append(shapes)
    return _axes(
        scale, len(shares), "".join(lines), "Scores of the tuned model and of its baselines; numbers in the table."
    )


def _differences(gains: Measures) -> str:
    seen = [0.0, *(v for _, m in gains for v in (m.difference or 0.0, *(_ends(m.difference_interval) or ())))]
    scale = nice(min(seen), max(seen))
    lines = [f'<line class="zero" x1="{scale.at(0)}%" x2="{scale.at(0)}%" y1="{TOP}" y2="{TOP + ROW * len(gains)}"/>']
    for at, (name, measure) in enumerate(gains):
        kind = verdict_class(name, measure.difference_interval)
        value = number(measure.difference, signed=True)
        if ends := _ends(measure.difference_interval):
            value += _ends_text(ends, signed=True)
            lines.append(_line(scale, ends, _middle(at), f"ci {kind}"))
        lines.append(_label(at, name, value))
        lines.append(_symbol(kind, f"{scale.at(measure.difference or 0.0)}%", _middle(at)))
    return _axes(scale, len(gains), "".join(lines), "Paired differences of tuned and baseline; numbers in the table.")


def _axes(scale: Scale, count: int, inside: str, says: str) -> str:
    bottom = TOP + ROW * count
    step = scale.ticks[1] - scale.ticks[0]
    grid = ""
    for value, (place, shown) in zip(scale.ticks, labels(scale), strict=True):
        kind = "odd" if round(value / step) % 2 else "even"
        grid += f'<line class="grid-line" x1="{place}%" x2="{place}%" y1="{TOP}" y2="{bottom}"/>'
        grid += f'<text class="{kind}" x="{place}%" y="{bottom + 18}" text-anchor="{anchor(place)}">{shown}</text>'
    axis = f'<line class="axis" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>'
    return f'<svg height="{bottom + 24}" role="img" aria-label="{says}">{grid}{axis}{inside}</svg>'


def _middle(at: int) -> int:
    return TOP + ROW * at + 42


def _label(at: int, name: str, value: str) -> str:
    y = TOP + ROW * at + 20
    lower = " ↓" if name in LOWER_IS_BETTER else ""
    title = metric_title(name)
    shown = short(SHORT.get(name, title), 18) + lower
    return (
        f'<text class="label" x="2" y="{y}">{shown}<title>{esc(title)}</title></text>'
        f'<text class="value" x="100%" dx="-2" y="{y}" text-anchor="end">{value}</text>'
    )


def _ends_text(ends: Iterable[float] | None, signed: bool = False) -> str:
    return f'<tspan class="ends"> {interval(ends, signed)}</tspan>' if ends else ""


def _line(scale: Scale, ends: tuple[float, float], y: int, kind: str) -> str:
    return f'<line class="{kind}" x1="{scale.at(ends[0])}%" x2="{scale.at(ends[1])}%" y1="{y}" y2="{y}"/>'


def _symbol(kind: str, x: str, y: int) -> str:
    shapes = {
        "gain": '<path class="gain" d="M0 -6l6 10h-12z"/>',
        "harm": '<path class="harm" d="M0 6l6 -10h-12z"/>',
        "unsure": '<rect class="unsure" x="-5" y="-5" width="10" height="10"/>',
    }
    return f'<svg x="{x}" y="{y}" class="at">{shapes[kind]}</svg>'


def _table(report: Report, baseline: str, second: Mapping[str, float]) -> str:
    heads = (
        "Metric",
        "Tuned",
        "95 % interval",
        "Baseline",
        "Majority",
        "Difference",
        "95 % interval of it",
        "McNemar p",
    )
    lines = [
        [
            esc(metric_title(name)) + (" (lower is better)" if name in LOWER_IS_BETTER else ""),
            number(m.value),
            interval(m.interval),
            number(m.baseline),
            number(second.get(name)),
            number(m.difference, signed=True),
            interval(m.difference_interval, signed=True),
            number(m.mcnemar_p),
        ]
        for name, m in report.metrics.items()
    ]
    caption = f"Every metric of the tuned model and of its baselines ({baseline}, majority class)"
    return table(caption, heads, lines, right=frozenset(range(1, 8)), stack=True)
