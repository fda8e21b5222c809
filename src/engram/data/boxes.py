"""What stands on a picture: a class and a box for each thing, read out of a cell and held against the picture."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from engram.data.forms import BadCell
from engram.data.reader import shown

ROLE = "boxes"
LIKE = "each must be like {label: cat, box: [left, top, width, height]}"
SLACK = 1.0  # pixels that a box may stick out of its picture: annotators round, and what sticks out is cut off

Box = tuple[float, float, float, float]


def read_boxes(cell: str, facts: Mapping[str, float]) -> tuple[tuple[str, ...], tuple[Box, ...]]:
    """Return the classes and the boxes of a cell, in its order; a cell may hold none: nothing is to be found then.

    facts: width and height of the picture. A box is left, top, width and height in its pixels; what sticks out by a
    pixel at most is cut off.

    Raises BadCell, with the number of the entry, for anything else, a box without area and one that leaves the picture.

    >>> read_boxes('[{"label": "cat", "box": [0, 2, 8, 6]}]', {"width": 8, "height": 8})
    (('cat',), ((0.0, 2.0, 8.0, 6.0),))
    """
    try:
        found = json.loads(cell) if cell.strip() else []
    except (ValueError, RecursionError) as error:
        raise BadCell(ROLE, f"expected a list, received text that is no JSON ({error}).") from error
    if not isinstance(found, list):
        raise BadCell(ROLE, f"expected a list, received {type(found).__name__}.", f"In the list, {LIKE}.")
    labels, boxes = [], []
    for at, one in enumerate(found, 1):
        label = one.get("label") if isinstance(one, dict) else None
        if not isinstance(label, str | int) or isinstance(label, bool) or not str(label).strip():
            raise BadCell(ROLE, f"entry {at} has no label; {LIKE}.")
        labels.append(str(label).strip())
        boxes.append(_box(at, one.get("box"), facts))
    return tuple(labels), tuple(boxes)


def _box(at: int, given: Any, facts: Mapping[str, float]) -> Box:
    numbers = isinstance(given, list) and len(given) == 4
    if not numbers or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in given):
        raise BadCell(ROLE, f"the box of entry {at} is {shown(str(given))[:60]}; {LIKE}.")
    left, top, width, height = map(float, given)
    if not all(map(math.isfinite, (left, top, width, height))) or width <= 0 or height <= 0:
        raise BadCell(ROLE, f"the box of entry {at} has no area: {given}.", "Remove the entry, or mend its box.")
    right, bottom, wide, high = left + width, top + height, facts["width"], facts["height"]
    if left < -SLACK or top < -SLACK or right > wide + SLACK or bottom > high + SLACK:
        told = f"the box of entry {at}, {given}, leaves the picture, which is {wide:g} × {high:g} pixels."
        raise BadCell(ROLE, told, "A box is left, top, width and height in pixels of the picture as it is seen.")
    left, top, right, bottom = max(left, 0.0), max(top, 0.0), min(right, wide), min(bottom, high)
    if right <= left or bottom <= top:
        raise BadCell(ROLE, f"the box of entry {at}, {given}, lies outside the picture.", "Remove the entry.")
    return left, top, right - left, bottom - top
