"""A picture as a model is shown it: its pixels, and the boxes on it, which move when the picture does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ShownImage:
    """A picture and what is on it.

    pixels: red, green and blue, 0 to 255, shape (height, width, 3). boxes: left, top, width, height in pixels, shape
    (boxes, 4). tags: the class of each, shape (boxes,).
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    tags: NDArray[np.int64]
