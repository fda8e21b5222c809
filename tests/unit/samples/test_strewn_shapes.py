"""The strewn shapes are what their README says: drawn by their script, each shape in its box."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import engram.samples
from engram.data import picture
from engram.data.attached import from_url

FILE = Path(engram.samples.__file__).parent / "strewn_shapes.jsonl"
SCRIPT = Path(__file__).parents[3] / ".ci" / "make_pictures.py"


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [json.loads(line) for line in FILE.read_text(encoding="ascii").splitlines()]


def test_the_script_draws_the_pictures_pixel_by_pixel(rows):
    """Pixels and not bytes: packing them is zlib's, which may change."""
    spec = importlib.util.spec_from_file_location("make_pictures", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert len(rows) == made.COUNT
    for place, row in enumerate(rows):
        pixels, boxes = made.draw(place)
        assert boxes == row["boxes"]
        assert np.array_equal(np.asarray(picture.decode(from_url(row["image"]))), pixels)


def test_every_picture_has_one_to_three_shapes_that_touch_their_boxes_and_no_other(rows):
    assert {len(row["boxes"]) for row in rows} == {1, 2, 3}
    for row in rows:
        pixels = np.asarray(picture.decode(from_url(row["image"])))
        ink = (pixels < 200).all(axis=2)
        for one in row["boxes"]:
            left, top, width, height = one["box"]
            inside = ink[top : top + height, left : left + width]
            assert inside.any(axis=0).all() or one["label"] == "triangle"
            assert inside[[0, -1]].any(axis=1).all()


def test_the_counts_are_those_of_the_readme(rows):
    found = Counter(one["label"] for row in rows for one in row["boxes"])
    readme = (FILE.parent / "README.md").read_text(encoding="utf-8")
    for label, count in found.items():
        assert f"| `{label}` | {count} |" in readme
    assert f"Pictures: {len(rows)}." in readme
