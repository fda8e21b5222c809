"""A picture that is moved and made larger or smaller, anew for each row and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.config.bounds import Bound
from engram.prep.shown_image import ShownImage
from engram.prep.step import Step

if TYPE_CHECKING:
    import numpy as np

LEAST_LEFT = 0.3  # of a thing's area; what shows less of itself is not asked for


@dataclass(frozen=True)
class Options:
    """How far a picture is moved.

    share: of its own width and height, at most, by which it is moved; what leaves at one side is lost, and the colour
        of its edge comes in at the other.
    scale: how much larger or smaller it is at most, as a share: 0.2 lies between 0.8 and 1.2 times its size. A larger
        one shows a part of itself only: it is cropped.
    """

    share: float = 0.1
    scale: float = 0.1


def image_shift(shown: ShownImage, options: Options, random: np.random.Generator) -> ShownImage:
    """Return a picture of the same size, moved and scaled about its middle, and the boxes that are still on it.

    A box is cut where the picture ends, and left out when less than three tenths of its area are left.

    >>> import numpy as np
    >>> one = ShownImage(np.ones((8, 8, 3), np.uint8), np.array([[2, 2, 4, 4]], np.float32), np.array([0]))
    >>> moved = image_shift(one, Options(share=0.0, scale=0.0), np.random.default_rng(0))
    >>> moved.boxes.tolist(), moved.pixels.shape
    ([[2.0, 2.0, 4.0, 4.0]], (8, 8, 3))
    """
    import numpy as np

    height, width = shown.pixels.shape[:2]
    factor = 1.0 + random.uniform(-options.scale, options.scale)
    right, down = (random.uniform(-options.share, options.share) * size for size in (width, height))
    # Where each pixel of the new picture comes from, the nearest one.
    left, top = (width - width * factor) / 2 + right, (height - height * factor) / 2 + down
    columns = np.clip(np.floor((np.arange(width) + 0.5 - left) / factor), 0, width - 1).astype(np.int64)
    rows = np.clip(np.floor((np.arange(height) + 0.5 - top) / factor), 0, height - 1).astype(np.int64)
    pixels = shown.pixels[rows[:, None], columns[None, :]]
    begin = shown.boxes[:, :2] * factor + np.array([left, top])
    end = begin + shown.boxes[:, 2:] * factor
    area = np.prod(end - begin, axis=1)
    begin, end = np.clip(begin, 0, [width, height]), np.clip(end, 0, [width, height])
    kept = np.prod(end - begin, axis=1) >= LEAST_LEFT * area
    boxes = np.concatenate([begin, end - begin], axis=1)[kept].astype(np.float32)
    return ShownImage(pixels, boxes, shown.tags[kept])


STEP = Step(
    "image_shift",
    "1",
    image_shift,
    on="pixels",
    options=Options,
    bounds={"share": Bound(0, 0.5), "scale": Bound(0, 0.5)},
    takes="image",
)
