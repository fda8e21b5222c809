"""Pictures made on the spot: coloured shapes on grey, and handwritten digits strewn over a canvas."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHAPES = ("disc", "square")
COLOURS = {"disc": (220, 60, 40), "square": (40, 90, 220)}
TRIES = 30
INK = 40  # of 255: what is darker than that belongs to no digit


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture, shape (height, width, 3) or (height, width), as a PNG file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def url(content: bytes) -> str:
    """Return a file as a data: URL."""
    return "data:;base64," + base64.b64encode(content).decode()


def shape(kind: str, size: tuple[int, int], seed: int) -> tuple[NDArray[np.uint8], list[int]]:
    """Return a picture of some height and width with one shape on it, and its box."""
    height, width = size
    random = np.random.default_rng(seed)
    pixels = random.integers(110, 140, (height, width, 3)).astype(np.uint8)
    side = int(random.integers(min(size) // 3, min(size) // 2 + 1))
    left, top = int(random.integers(0, width - side + 1)), int(random.integers(0, height - side + 1))
    rows, columns = np.mgrid[0:side, 0:side]
    inside = np.ones((side, side), dtype=bool)
    if kind == "disc":
        inside = (rows - (side - 1) / 2) ** 2 + (columns - (side - 1) / 2) ** 2 <= (side / 2) ** 2
    pixels[top : top + side, left : left + side][inside] = COLOURS[kind]
    return pixels, [left, top, side, side]


def write_folders(folder: Path, count: int, size: tuple[int, int] = (32, 32)) -> Path:
    """Write so many pictures, a sub-folder for each class."""
    for place in range(count):
        kind = SHAPES[place % len(SHAPES)]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{place}.png").write_bytes(png(shape(kind, size, place)[0]))
    return folder


def coco(images: Sequence[tuple[str, Sequence[tuple[str, Sequence[float]]]]], labels: Sequence[str]) -> dict[str, Any]:
    """Return COCO's document for names of images and what is on each."""
    things = [(at, label, box) for at, (_, found) in enumerate(images) for label, box in found]
    return {
        "images": [{"id": at, "file_name": name} for at, (name, _) in enumerate(images)],
        "categories": [{"id": at + 1, "name": label} for at, label in enumerate(labels)],
        "annotations": [
            {"id": at, "image_id": image, "category_id": labels.index(label) + 1, "bbox": list(box)}
            for at, (image, label, box) in enumerate(things)
        ],
    }


def write_coco(folder: Path, count: int, size: tuple[int, int] = (32, 32)) -> Path:
    """Write so many pictures with one shape on each and COCO's document beside them; return the document."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    listed = []
    for place in range(count):
        kind = SHAPES[place % len(SHAPES)]
        pixels, box = shape(kind, size, place)
        (folder / "images" / f"{place}.png").write_bytes(png(pixels))
        listed.append((f"{place}.png", [(kind, box)]))
    path = folder / "boxes.json"
    path.write_text(json.dumps(coco(listed, SHAPES)), encoding="utf-8")
    return path
