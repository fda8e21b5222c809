"""A picture that is brighter or darker, of more or less contrast and colour, anew for each row and epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engram.config.bounds import Bound
from engram.prep.shown_image import ShownImage
from engram.prep.step import Step

if TYPE_CHECKING:
    import numpy as np

GREY = (0.299, 0.587, 0.114)  # how bright red, green and blue look (ITU-R BT.601)


@dataclass(frozen=True)
class Options:
    """How far colours change.

    light: brighter or darker at most, as a share of white.
    contrast: more or less at most, as a share of a picture's own.
    colour: more or less colour at most, as a share; 1 may leave a picture grey.
    """

    light: float = 0.1
    contrast: float = 0.2
    colour: float = 0.2


def image_colour(shown: ShownImage, options: Options, random: np.random.Generator) -> ShownImage:
    """Return the picture in other colours; its boxes stay.

    >>> import numpy as np
    >>> one = ShownImage(np.full((2, 2, 3), 100, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    >>> image_colour(one, Options(0.0, 0.5, 0.5), np.random.default_rng(0)).pixels.max().item()  # grey has no contrast
    100
    """
    import numpy as np

    light, contrast, colour = (
        random.uniform(-most, most) for most in (options.light, options.contrast, options.colour)
    )
    pixels = shown.pixels.astype(np.float32)
    grey = (pixels @ np.array(GREY, dtype=np.float32))[..., None]
    pixels = grey + (pixels - grey) * (1 + colour)
    middle = float(grey.mean())
    pixels = middle + (pixels - middle) * (1 + contrast) + 255 * light
    return replace(shown, pixels=np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


STEP = Step(
    "image_colour",
    "1",
    image_colour,
    on="pixels",
    options=Options,
    bounds={"light": Bound(0, 0.5), "contrast": Bound(0, 1), "colour": Bound(0, 1)},
    takes="image",
)
