"""Baseline against tuned: one row a metric with its interval, and the paired difference beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from engram.pipeline.page.baselines import Baselines
from engram.pipeline.page.plot import Scale, anchor, labels, nice
from engram.pipeline.page.scales import Unit, in_order, unit_of
from engram.pipeline.page.tables import card, empty, fold, table
from engram.pipeline.page.text import arrow, esc, interval, is_lower, is_number, metric_title, number, short
from engram.schema.report import Measure, Report

ROW = 62
TOP = 8
SHORT = {"ece": "ECE"}
MARKS = ("M0 -8v16", "M-5 -5l10 10M5 -5l-10 10")  # of the other baselines; beyond two they stand in the table only
Measures = list[tuple[str, Measure]]
Better = Mapping[str, str]


def section(report: Report | None, against: Baselines, better: Better, note: str = "") -> str:
    """Return the card that sets tuned against its baselines; `note` says why it is empty.

    better: metric → ``max`` or ``min``. Metrics of one unit share an axis.
    """
    title = "Baseline and tuned"
    if report is None or not report.metrics:
        missing = "The tuned model is measured against its baseline in the evaluate stage."
        return card("compare", title, empty(missing + note))
    measures = in_order(report.metrics, better)
    drawn = sorted(((name, m) for name, m in measures if is_number(m.value)), key=_place(measures))
    panels = ""
    for unit, group in groupby(drawn, key=lambda pair: unit_of(pair[0])):
        panels += _pair(unit, list(group), against, better, drawn if not panels else [])
    methods = sorted({m.method.split("; ")[0] for _, m in measures if m.method and m.interval})
    aside = f"95 % intervals: {esc('; '.join(methods))}" if methods else ""
    shown = fold("Show as table", _table(measures, against, better), opened=not panels)
    return card("compare", title, panels + shown, aside=aside)


def verdict_class(name: str, ends: Iterable[float] | None, better: Better) -> str:
    """Return ``gain``, ``harm`` or ``unsure`` for a difference, by which side of zero its interval lies on.

    Where it is not known which way is better, a difference is ``known`` and neither gain nor harm.

    >>> ways = {"accuracy": "max", "ece": "min"}
    >>> [verdict_class(*said, ways) for said in (("accuracy", (0.05, 0.09)), ("ece", (0.01, 0.02)), ("new", (1, 2)))]
    ['gain', 'harm', 'known']
    """
    low, high = _ends(ends) or (0.0, 0.0)
    if low <= 0 <= high:
        return "unsure"
    if name not in better:
        return "known"
    return "gain" if (low > 0) != is_lower(name, better) else "harm"


def _place(measures: Measures) -> Callable[[tuple[str, Measure]], int]:
    units = list(dict.fromkeys(unit_of(name) for name, _ in measures))
    return lambda pair: units.index(unit_of(pair[0]))


def _ends(ends: Iterable[float] | None) -> tuple[float, float] | None:
    values = tuple(ends or ())
    return (values[0], values[1]) if len(values) == 2 and all(map(is_number, values)) else None


def _pair(unit: Unit, lines: Measures, against: Baselines, better: Better, told: Measures) -> str:
    """Return the scores of one unit and beside them the differences; the keys of `told` stand over both."""
    others = list(against.others.items())[: len(MARKS)]
    drawing, beyond = _scores(unit, lines, others, better)
    keys = _legend(against.reference, told, others, better) if told else ""
    panels = _panel(esc(unit.title), keys, drawing)
    gains = [(name, measure) for name, measure in lines if is_number(measure.difference)]
    if gains:
        keys = _gain_legend([pair for pair in told if is_number(pair[1].difference)], better) if told else ""
        panels += _panel("Difference, tuned less baseline", keys, _differences(unit, gains, better))
    return f'<div class="duo">{panels}</div>{beyond}'


def _panel(title: str, legend: str, drawing: str) -> str:
    return f'<figure><h3>{title}</h3>{legend}<div class="forest well">{drawing}</div></figure>'


def _legend(reference: str, told: Measures, others: Sequence[tuple[str, Mapping[str, float]]], better: Better) -> str:
    shapes = [('<path class="ci" d="M4 6h22"/><circle class="dot" cx="15" cy="6" r="5"/>', "tuned, 95 % interval")]
    if any(measure.baseline is not None for _, measure in told):
        shapes.append(('<path class="base" d="M15 .5l5.5 5.5-5.5 5.5-5.5-5.5z"/>', reference))
    for mark, (words, numbers) in zip(MARKS, others, strict=False):
        if any(is_number(numbers.get(name)) for name, _ in told):
            shapes.append((f'<svg x="15" y="6" class="at"><path class="base2" d="{mark}"/></svg>', words))
    lower = "<li>↓&nbsp; lower is better</li>" if any(is_lower(name, better) for name, _ in told) else ""
    return _keys(shapes, lower)


def _gain_legend(told: Measures, better: Better) -> str:
    shapes = [("gain", "better"), ("harm", "worse"), ("unsure", "interval includes zero")]
    if any(verdict_class(name, measure.difference_interval, better) == "known" for name, measure in told):
        shapes.append(("known", "which way is better is not known"))
    return _keys([(f'{_symbol(kind, "15", 6)}<path class="ci {kind}" d="M2 6h26"/>', text) for kind, text in shapes])


def _keys(shapes: Sequence[tuple[str, str]], more: str = "") -> str:
    items = "".join(f'<li><svg class="key" aria-hidden="true">{shape}</svg>{text}</li>' for shape, text in shapes)
    return f'<ul class="legend forest-legend">{items}{more}</ul>'


def _scores(
    unit: Unit, lines: Measures, others: Sequence[tuple[str, Mapping[str, float]]], better: Better
) -> tuple[str, str]:
    """Return the drawing, and a line for what would stretch it too far."""
    seen = [v for _, m in lines for v in (m.value, m.baseline, *(_ends(m.interval) or ())) if is_number(v)]
    known = [(words, name, numbers[name]) for words, numbers in others for name, _ in lines if _has(numbers, name)]
    room = (max(seen) - min(seen)) or abs(max(seen)) or 1.0
    near = [one for one in known if unit.bounded or min(seen) - room <= one[2] <= max(seen) + room]
    seen += [value for _, _, value in near]
    scale = nice(min(seen), max(seen))
    marks = dict(zip((words for words, _ in others), MARKS, strict=False))
    drawn = []
    for at, (name, measure) in enumerate(lines):
        middle = _middle(at)
        value = number(measure.value, decimals=unit.decimals) + _ends_text(measure.interval, unit)
        shapes = _label(at, name, value, better)
        if ends := _ends(measure.interval):
            shapes += _line(scale, ends, middle, "ci")
        for words, metric, other in near:
            if metric == name:
                path = f'<path class="base2" d="{marks[words]}"/>'
                shapes += f'<svg x="{scale.at(other)}%" y="{middle}" class="at">{path}</svg>'
        if is_number(measure.baseline):
            diamond = '<path class="base" d="M0 -7l7 7-7 7-7-7z"/>'
            shapes += f'<svg x="{scale.at(measure.baseline or 0.0)}%" y="{middle}" class="at">{diamond}</svg>'
        drawn.append(shapes + f'<circle class="dot" cx="{scale.at(measure.value or 0.0)}%" cy="{middle}" r="6"/>')
    far = [
        f"{words}, {esc(metric_title(name))} {number(value, decimals=unit.decimals)}"
        for words, name, value in (one for one in known if one not in near)
    ]
    says = f"{esc(unit.title)}: the tuned model and its baselines; numbers in the table."
    beyond = f'<p class="hint beyond">Too far off to be drawn: {"; ".join(far)}.</p>' if far else ""
    return _axes(scale, len(lines), "".join(drawn), says), beyond


def _has(numbers: Mapping[str, float], name: str) -> bool:
    return is_number(numbers.get(name))


def _differences(unit: Unit, gains: Measures, better: Better) -> str:
    seen = [0.0, *(v for _, m in gains for v in (m.difference or 0.0, *(_ends(m.difference_interval) or ())))]
    scale = nice(min(seen), max(seen))
    lines = [f'<line class="zero" x1="{scale.at(0)}%" x2="{scale.at(0)}%" y1="{TOP}" y2="{TOP + ROW * len(gains)}"/>']
    for at, (name, measure) in enumerate(gains):
        kind = verdict_class(name, measure.difference_interval, better)
        value = number(measure.difference, signed=True, decimals=unit.decimals)
        if ends := _ends(measure.difference_interval):
            value += _ends_text(ends, unit, signed=True)
            lines.append(_line(scale, ends, _middle(at), f"ci {kind}"))
        lines.append(_label(at, name, value, better))
        lines.append(_symbol(kind, f"{scale.at(measure.difference or 0.0)}%", _middle(at)))
    says = f"{esc(unit.title)}: paired differences of tuned and baseline; numbers in the table."
    return _axes(scale, len(gains), "".join(lines), says)


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


def _label(at: int, name: str, value: str, better: Better) -> str:
    y = TOP + ROW * at + 20
    title = metric_title(name)
    shown = short(SHORT.get(name, title), 18) + arrow(name, better)
    return (
        f'<text class="label" x="8" y="{y}">{shown}<title>{esc(title)}</title></text>'
        f'<text class="value" x="100%" dx="-8" y="{y}" text-anchor="end">{value}</text>'
    )


def _ends_text(ends: Iterable[float] | None, unit: Unit, signed: bool = False) -> str:
    return f'<tspan class="ends"> {interval(ends, signed, unit.decimals)}</tspan>' if ends else ""


def _line(scale: Scale, ends: tuple[float, float], y: int, kind: str) -> str:
    return f'<line class="{kind}" x1="{scale.at(ends[0])}%" x2="{scale.at(ends[1])}%" y1="{y}" y2="{y}"/>'


def _symbol(kind: str, x: str, y: int) -> str:
    shapes = {
        "gain": '<path class="gain" d="M0 -6l6 10h-12z"/>',
        "harm": '<path class="harm" d="M0 6l6 -10h-12z"/>',
        "unsure": '<rect class="unsure" x="-5" y="-5" width="10" height="10"/>',
        "known": '<circle class="known" r="5"/>',
    }
    return f'<svg x="{x}" y="{y}" class="at">{shapes[kind]}</svg>'


def _table(measures: Measures, against: Baselines, better: Better) -> str:
    others = [
        (words, numbers) for words, numbers in against.others.items() if any(_has(numbers, n) for n, _ in measures)
    ]
    tested = any(is_number(m.mcnemar_p) for _, m in measures)
    heads = ["Metric", "Tuned", "95 % interval", "Baseline", *(words[:1].upper() + words[1:] for words, _ in others)]
    heads += ["Difference", "95 % interval of it", *["McNemar p"] * tested]
    right = frozenset(range(1, len(heads)))
    lines = []
    for name, m in measures:
        places = unit_of(name).decimals
        lines.append(
            [
                esc(metric_title(name)) + (" (lower is better)" if is_lower(name, better) else ""),
                number(m.value, decimals=places),
                interval(m.interval, decimals=places),
                number(m.baseline, decimals=places),
                *(number(numbers.get(name), decimals=places) for _, numbers in others),
                number(m.difference, signed=True, decimals=places),
                interval(m.difference_interval, signed=True, decimals=places),
                *[number(m.mcnemar_p)] * tested,
            ]
        )
    named = ", ".join([against.reference, *(words for words, _ in others)])
    return table(
        f"Every metric of the tuned model and of its baselines ({named})", heads, lines, right=right, stack=True
    )
