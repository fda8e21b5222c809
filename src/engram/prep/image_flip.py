"""A picture that is mirrored, anew for each row and epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engram.config.bounds import Bound
from engram.prep.shown_image import ShownImage
from engram.prep.step import Step

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Options:
    """How often a picture is mirrored.

    share: of the rows whose left and right are swapped. Not for what reads otherwise then, as digits and words do.
    upright: of the rows whose top and bottom are swapped.
    """

    share: float = 0.5
    upright: float = 0.0


def image_flip(shown: ShownImage, options: Options, random: np.random.Generator) -> ShownImage:
    """Return the picture, or its mirror image, with its boxes where their things are.

    >>> import numpy as np
    >>> one = ShownImage(np.zeros((4, 8, 3), np.uint8), np.array([[1, 0, 2, 2]], np.float32), np.array([0]))
    >>> image_flip(one, Options(share=1.0), np.random.default_rng(0)).boxes.tolist()
    [[5.0, 0.0, 2.0, 2.0]]
    """
    sideways, over = random.random() < options.share, random.random() < options.upright
    pixels, boxes = shown.pixels, shown.boxes.copy()
    height, width = pixels.shape[:2]
    if sideways:
        pixels = pixels[:, ::-1]
        boxes[:, 0] = width - boxes[:, 0] - boxes[:, 2]
    if over:
        pixels = pixels[::-1]
        boxes[:, 1] = height - boxes[:, 1] - boxes[:, 3]
    return replace(shown, pixels=pixels, boxes=boxes)


STEP = Step(
    "image_flip",
    "1",
    image_flip,
    on="pixels",
    options=Options,
    bounds={"share": Bound(0, 1), "upright": Bound(0, 1)},
    takes="image",
)
