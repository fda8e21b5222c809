"""The size at which a model sees pictures: without this step it is the model's own."""

from __future__ import annotations

from dataclasses import dataclass

from engram.config.bounds import Bound
from engram.prep.step import Step


@dataclass(frozen=True)
class Options:
    """What every picture is brought to, whole; sides may be stretched.

    height: in pixels.
    width: in pixels; absent means as much as the height.
    """

    height: int
    width: int | None = None


def image_size(options: Options) -> tuple[int, int]:
    """Return height and width.

    >>> image_size(Options(64))
    (64, 64)
    """
    return options.height, options.width or options.height


STEP = Step(
    "image_size",
    "1",
    image_size,
    on="reading",
    options=Options,
    bounds={"height": Bound(8, 4096), "width": Bound(8, 4096)},
    takes="image",
)
