"""How a model sees pictures: at which size, and with which numbers for its colours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoConfig, AutoImageProcessor
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from engram.errors import UserError
from engram.export.base import quiet

PATCH = 16 * 16  # pixels: the unit of a row's length
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Reading:
    """How one model sees: every picture whole, brought to one size, so that no row depends on the size of another.

    reader: its image processor, which is saved beside it and says the same. height, width: in pixels. resample: how
    Pillow brings a picture to them. scale, mean, std: a colour from 0 to 255 becomes (colour × scale - mean) / std.
    """

    reader: Any
    height: int
    width: int
    resample: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def length(self) -> int:
        """The length of every row: how many patches of 16 × 16 pixels a model sees of it."""
        return max(1, self.height * self.width // PATCH)

    def resize(self, pixels: Pixels) -> Pixels:
        """Return a picture, shape (any, any, 3), at the model's size."""
        if pixels.shape[:2] == (self.height, self.width):
            return pixels
        image = Image.fromarray(np.ascontiguousarray(pixels))
        return np.asarray(image.resize((self.width, self.height), Image.Resampling(self.resample)))

    def stack(self, pictures: list[Pixels]) -> NDArray[np.float32]:
        """Return pictures of the model's size as it takes them, shape (pictures, 3, height, width)."""
        whole = np.stack(pictures).astype(np.float32) * np.float32(self.scale)
        found = (whole - np.array(self.mean, dtype=np.float32)) / np.array(self.std, dtype=np.float32)
        return np.ascontiguousarray(found.transpose(0, 3, 1, 2), dtype=np.float32)


def open_reading(folder: Path, finds: bool, size: tuple[int, int] | None = None) -> Reading:
    """Return how the model in a folder sees, without its weights.

    finds: it finds things on a picture. size: height and width that a recipe asks for.

    Raises UserError when the folder does not say how, or the model takes something else than colours.
    """
    given, config = open_reader(folder), AutoConfig.from_pretrained(folder)
    if getattr(config, "num_channels", 3) != 3:
        raise UserError(
            f"The model in {folder} takes {config.num_channels} channels, and pictures are red, green and blue here.",
            remedy="Choose a model of colour images.",
        )
    height, width = size or _own_size(config, given, finds)
    return reading_of(_fixed(given, finds, height, width))


def open_reader(folder: Path) -> Any:
    """Return the image processor in a folder, by Pillow whatever else is installed; raises UserError without one."""
    try:
        with quiet():
            auto: Any = AutoImageProcessor
            return auto.from_pretrained(folder, backend="pil")
    except (OSError, ValueError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{folder} holds no model of images: {said}", remedy="It needs preprocessor_config.json beside config.json."
        ) from error


def reading_of(reader: Any) -> Reading:
    """Return how an image processor sees that brings every picture to one size.

    Raises UserError for one that does not.
    """
    height, width = (getattr(reader.size, side, None) for side in ("height", "width"))
    if not height or not width:
        raise UserError(
            "preprocessor_config.json names no height and width.", remedy="Export the model again; it was changed."
        )
    normal = bool(reader.do_normalize)
    return Reading(
        reader=reader,
        height=int(height),
        width=int(width),
        resample=int(reader.resample),
        scale=float(reader.rescale_factor) if reader.do_rescale else 1.0,
        mean=tuple(map(float, reader.image_mean)) if normal else (0.0,) * 3,
        std=tuple(map(float, reader.image_std)) if normal else (1.0,) * 3,
    )


def _own_size(config: Any, reader: Any, finds: bool) -> tuple[int, int]:
    """Return the height and width that a model was made for."""
    if finds and config.model_type == "yolos":
        height, width = config.image_size
        return int(height), int(width)
    crop = getattr(reader, "crop_size", None) if getattr(reader, "do_center_crop", False) else None
    for size in (crop, reader.size):
        if size and getattr(size, "height", None) and getattr(size, "width", None):
            return int(size.height), int(size.width)
    shortest = getattr(reader.size, "shortest_edge", None) or 224
    # Most photographs are a third wider than high; a multiple of 32 suits every backbone.
    return int(shortest), int(shortest) * 4 // 3 // 32 * 32 if finds else int(shortest)


def _fixed(reader: Any, finds: bool, height: int, width: int) -> Any:
    """Return the processor that brings every picture to one size, whole, and is otherwise as the given one."""
    told = {name: getattr(reader, name) for name in ("resample", "do_rescale", "rescale_factor", "do_normalize")}
    told = {name: value for name, value in told.items() if value is not None}
    told |= {name: list(getattr(reader, name)) for name in ("image_mean", "image_std") if getattr(reader, name, None)}
    size = {"height": height, "width": width}
    of: Any = type(reader) if finds else ViTImageProcessorPil
    more = {"do_pad": False} if finds else {}
    return of(size=size, do_resize=True, **told, **more)
