"""The prep steps of pictures: boxes stay on their things, and draws are the row's own."""

from __future__ import annotations

import numpy as np
import pytest

from engram import registry
from engram.prep.plan import changes, readings
from engram.prep.shown_image import ShownImage
from engram.schema.recipe import PrepStep

STEPS = ("image_flip", "image_shift", "image_colour")


def shown() -> ShownImage:
    """A dark square on a light ground, and its box."""
    pixels = np.full((40, 60, 3), 230, dtype=np.uint8)
    pixels[8:20, 10:30] = (20, 60, 120)
    return ShownImage(pixels, np.array([[10, 8, 20, 12]], dtype=np.float32), np.array([3]))


def dark(pixels: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(pixels.mean(axis=2) < 140)
    return [columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min()]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", STEPS)
def test_a_box_stays_on_its_thing(name, seed):
    (change,) = changes([PrepStep(name, {"upright": 0.5} if name == "image_flip" else {})], "pixels")
    found = change(shown(), random=np.random.default_rng(seed))
    assert found.pixels.shape == (40, 60, 3)
    assert found.pixels.dtype == np.uint8
    assert np.abs(found.boxes[0] - dark(found.pixels)).max() <= 1.0
    assert found.tags.tolist() == [3]


def test_what_leaves_the_picture_is_no_longer_asked_for():
    (change,) = changes([PrepStep("image_shift", {"share": 0.5, "scale": 0.0})], "pixels")
    at_the_edge = ShownImage(shown().pixels, np.array([[0, 0, 4, 4]], dtype=np.float32), np.array([1]))
    kept = [len(change(at_the_edge, random=np.random.default_rng(seed)).boxes) for seed in range(20)]
    assert {0, 1} == set(kept)


@pytest.mark.parametrize("name", STEPS)
def test_the_same_draw_gives_the_same_picture_and_another_another(name):
    (change,) = changes([PrepStep(name)], "pixels")
    one, again = (change(shown(), random=np.random.default_rng(7)).pixels for _ in range(2))
    assert np.array_equal(one, again)
    others = [change(shown(), random=np.random.default_rng(seed)).pixels for seed in range(8)]
    assert any(not np.array_equal(one, other) for other in others)


def test_the_size_that_is_asked_for_is_what_files_are_read_at():
    assert readings([PrepStep("image_size", {"height": 64}), PrepStep("image_flip")]) == {"image_size": (64, 64)}
    assert registry.get("prep step", "image_size").on == "reading"
