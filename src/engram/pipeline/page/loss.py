"""The loss curve: each training step as a light dot, their moving average, and the validations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engram.pipeline.page.plot import Scale, frame, nice, path, stretched
from engram.pipeline.page.tables import card, empty, fold, table
from engram.pipeline.page.text import is_number, number, plural

Points = list[tuple[float, float]]
MOST_DOTS = 600
MOST_LINES = 200
KEYS = {
    "raw": '<path class="raw" d="M4 6h0M15 8h0M26 5h0"/>',
    "smooth": '<path class="smooth" d="M0 6h30"/>',
    "valid": '<path class="valid" d="M0 6h30"/><circle class="mark" cx="15" cy="6" r="4"/>',
}


def section(curve: Sequence[Mapping[str, float]], span: int, note: str = "") -> str:
    """Return the card of the loss curve; a sentence, and `note`, where there are no steps."""
    train, valid = points(curve, "loss"), points(curve, "valid_loss")
    if not train and not valid:
        missing = "The loss of each step is drawn here once training has begun."
        return card("loss", "Loss", empty(missing + note), span=span)
    window = window_of(len(train))
    smooth = moving_average(train, window)
    steps = [step for step, _ in train + valid]
    x = nice(min(steps), max(steps), tight=True, whole=True)
    y = nice(min(loss for _, loss in train + valid), max(loss for _, loss in train + valid))
    says = summary(train, smooth, valid)
    left_out = sum(1 for item in curve for key in ("loss", "valid_loss") if key in item and not is_number(item[key]))
    lost = (
        f" {plural(left_out, 'value that is', 'values that are')} not a finite number are left out." if left_out else ""
    )
    body = (
        f'<figure data-cursor><figcaption class="say">{says}{lost}</figcaption>{_legend(window, train, valid)}'
        + frame(x, y, "optimizer step", _drawing(x, y, train, smooth, valid), says)
        + f'<p class="reading"></p>{fold("Show as table", _table(x, train, smooth, valid))}</figure>'
    )
    return card("loss", "Loss", body, span=span)


def points(curve: Sequence[Mapping[str, float]], key: str) -> Points:
    """Return the finite (step, value) pairs of one measure, in the order of the steps."""
    found = [(item["step"], item[key]) for item in curve if is_number(item.get("step")) and is_number(item.get(key))]
    return sorted((float(step), float(value)) for step, value in found)


def window_of(count: int) -> int:
    """Return how many steps are averaged: an odd number, about a twentieth of all, 1 to 51.

    >>> window_of(180), window_of(3), window_of(100_000)
    (9, 1, 51)
    """
    return min(51, max(1, count // 20)) // 2 * 2 + 1


def moving_average(values: Points, window: int) -> Points:
    """Return the centred moving average; at the ends over as much of the window as there is.

    >>> moving_average([(1, 1.0), (2, 4.0), (3, 1.0)], 3)
    [(1, 2.5), (2, 2.0), (3, 2.5)]
    """
    smooth, reach = [], window // 2
    for at, (step, _) in enumerate(values):
        near = [value for _, value in values[max(0, at - reach) : at + reach + 1]]
        smooth.append((step, sum(near) / len(near)))
    return smooth


def thin(values: Points, most: int) -> Points:
    """Return at most `most` points, evenly chosen, the first and the last among them."""
    if len(values) <= most:
        return values
    return [values[round(at * (len(values) - 1) / (most - 1))] for at in range(most)]


def summary(train: Points, smooth: Points, valid: Points) -> str:
    """Return the curve in one or two sentences."""
    said = []
    if train:
        first, last = smooth[0][1], smooth[-1][1]
        moved = "fell" if last < first else "rose" if last > first else "stayed"
        ways = f"from {number(first)} to {number(last)}" if moved != "stayed" else f"at {number(last)}"
        said.append(f"Training loss {moved} {ways} over {plural(int(train[-1][0]), 'step')}.")
    if valid:
        step, loss = min(valid, key=lambda point: point[1])
        said.append(f"Validation loss was lowest, {number(loss)}, at step {number(step)}.")
    else:
        said.append("No validation has been recorded.")
    return " ".join(said)


def _drawing(x: Scale, y: Scale, train: Points, smooth: Points, valid: Points) -> str:
    lines = []
    if train:
        lines.append(f'<path class="raw" d="{path(x, y, thin(train, MOST_DOTS), dots=True)}"/>')
        lines.append(f'<path class="smooth" d="{path(x, y, thin(smooth, MOST_DOTS))}"/>')
    shown = thin(valid, 60)
    if valid:
        lines.append(f'<path class="valid" d="{path(x, y, shown)}"/>')
    best = min(valid, key=lambda point: point[1]) if valid else None
    marks = ""
    for point in sorted({*shown, *([best] if best else [])}):
        kind = "mark best" if point == best else "mark"
        marks += f'<circle class="{kind}" cx="{x.at(point[0])}%" cy="{100 - y.at(point[1]):.6g}%" r="4"/>'
    return f'{stretched("".join(lines))}{marks}<line class="cursor" x1="0" x2="0" y1="0" y2="100%"/>'


def _legend(window: int, train: Points, valid: Points) -> str:
    average = f"training, centred moving average of {window} steps"
    names = {"raw": "training, each step" if len(train) <= MOST_DOTS else f"training, {MOST_DOTS} of the steps"}
    names |= {"smooth": average, "valid": "validation (filled: lowest)"}
    kept = [key for key in names if (valid if key == "valid" else train)]
    keys = "".join(f'<li><svg class="key" aria-hidden="true">{KEYS[key]}</svg>{names[key]}</li>' for key in kept)
    return f'<ul class="legend">{keys}</ul>'


def _table(x: Scale, train: Points, smooth: Points, valid: Points) -> str:
    raw, average, checks = dict(train), dict(smooth), dict(thin(valid, 60))
    steps = sorted({step for step, _ in thin(train, MOST_LINES)} | set(checks))
    lines = [[number(s), number(raw.get(s)), number(average.get(s)), number(checks.get(s))] for s in steps]
    heads = ("Step", "Training loss", "Smoothed", "Validation loss")
    places = [f"{x.at(step):g}" for step in steps]
    return table("Loss by step", heads, lines, right=frozenset({1, 2, 3}), tall=True, places=places)
