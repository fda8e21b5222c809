"""What was found on pictures: average precision of each class, and test pictures with their true and found boxes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engram.pipeline.page.tables import card, empty, meter, name, table
from engram.pipeline.page.text import esc, is_number, number, plural, rows
from engram.schema.report import Report

FIELDS = ("ap", "ap50", "support")
IMAGE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/]+={0,2}")


def classes(report: Report | None, span: int, note: str = "") -> str:
    """Return the card of each class's average precision, those with the most true boxes first."""
    title = "Each class"
    lines = [dict(line) for line in rows(report.details.get("per_class_ap"))] if report else []
    known = [line for line in lines if "label" in line and all(is_number(line.get(field)) for field in FIELDS)]
    if not known:
        waiting = "Average precision of each class comes with the evaluate stage."
        missing = waiting if report is None else "The report holds no scores by class."
        return card("classes", title, empty(missing + note), span=span)
    weakest = min(known, key=lambda line: line["ap"])
    left = plural(len(lines) - len(known), "class", "classes")
    unseen = f" {left} without a true box." if len(known) < len(lines) else ""
    on = plural(weakest["support"], "true box", "true boxes")
    says = f"Weakest: {esc(weakest['label'])}, average precision {number(weakest['ap'])} on {on}.{unseen}"
    body = [
        [name(one["label"]), number(one["ap"]), meter(one["ap"]), number(one["ap50"]), number(one["support"])]
        for one in sorted(known, key=lambda line: (-line["support"], str(line["label"])))
    ]
    heads = ("Class", "AP .50 to .95", '<span class="sr">AP as a bar</span>', "AP .50", "True boxes")
    shown = table("Average precision of each class", heads, body, right=frozenset({1, 3, 4}), tall=True)
    return card("classes", title, f'<p class="say">{says}</p>{shown}', span=span)


def pictures(report: Report | None, note: str = "") -> str:
    """Return the card of the pictures; a sentence, and `note`, where there are none."""
    title = "Pictures"
    found = read(report.details.get("pictures")) if report else []
    if not found:
        waiting = "Test pictures with their boxes are shown here when the evaluate stage has ended."
        missing = waiting if report is None else "The report holds no pictures."
        return card("pictures", title, empty(missing + note))
    says = "The first test pictures. Dashed: the true boxes. Solid: what the model found, with its score."
    drawn = "".join(f'<li class="well">{_picture(one)}</li>' for one in found)
    return card("pictures", title, f'<p class="say">{says}</p><ul class="shots">{drawn}</ul>')


def read(value: Any) -> list[dict[str, Any]]:
    """Return the pictures that can be drawn, and of each the boxes that can; others are left out.

    >>> read([{"image": "https://example.org/a.png", "width": 1, "height": 1, "truth": [], "found": []}])
    []
    """
    out = []
    for one in rows(value):
        sized = all(is_number(one.get(side)) and one[side] > 0 for side in ("width", "height"))
        if sized and isinstance(one.get("image"), str) and IMAGE.fullmatch(one["image"]):
            sides = {side: [dict(box) for box in rows(one.get(side)) if _fits(box)] for side in ("truth", "found")}
            out.append({**{key: one[key] for key in ("image", "width", "height")}, "row": one.get("row"), **sides})
    return out


def _fits(box: Mapping[str, Any]) -> bool:
    place = box.get("box")
    return "label" in box and isinstance(place, list | tuple) and len(place) == 4 and all(map(is_number, place))


def _picture(one: Mapping[str, Any]) -> str:
    width, height = one["width"], one["height"]
    # Lines and letters have the size of a picture that is 240 wide, whatever this one is.
    unit = width / 240
    boxes = "".join(_box(box, unit, "truth") for box in one["truth"])
    boxes += "".join(_box(box, unit, "found") for box in one["found"])
    said = f"True: {_said(one['truth'])}. Found: {_said(one['found'])}."
    image = f'<image href="{one["image"]}" width="{width:g}" height="{height:g}"/>'
    row = f"row {number(one['row'])}" if is_number(one["row"]) else ""
    return (
        f'<svg class="shot" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{said}">{image}{boxes}</svg>'
        f'<p class="hint">{said} {row}</p>'
    )


def _box(box: Mapping[str, Any], unit: float, side: str) -> str:
    left, top, wide, high = box["box"]
    place = f'x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:g}"'
    dashes = f' stroke-dasharray="{7 * unit:.3g} {5 * unit:.3g}"' if side == "truth" else ""
    under = f'<rect class="under" {place} stroke-width="{5 * unit:.3g}"/>'  # so that it is seen on any picture
    return f'{under}<rect class="{side}" {place} stroke-width="{2.5 * unit:.3g}"{dashes}/>'


def _said(boxes: list[dict[str, Any]]) -> str:
    words = []
    for box in boxes:
        sure = f" {number(box['score'], decimals=2)}" if is_number(box.get("score")) else ""
        words.append(f"{esc(box['label'])}{sure}")
    return ", ".join(words) or "nothing"
