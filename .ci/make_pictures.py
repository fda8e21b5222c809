"""Make the sample `strewn_shapes`: coloured shapes on plain grounds, drawn here, each with its box.

    python .ci/make_pictures.py src/engram/samples/strewn_shapes.jsonl

Shapes, places and colours come from the digits of a hash, so that every machine draws the same pixels.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE, COUNT, MOST, TRIES = 48, 480, 3, 40
LEAST, LARGEST = 12, 22  # pixels that a shape is wide and high
GROUND, INK = (200, 256), (0, 130)  # light grounds, dark shapes
STRIPES = 5

Pixels = NDArray[np.uint8]


def numbers(name: str) -> Iterator[int]:
    """Yield whole numbers without end, the same ones for the same name."""
    for block in range(1 << 20):
        yield from struct.unpack(">16H", hashlib.sha256(f"strewn shapes {name} {block}".encode()).digest())


def inside(kind: str, side: int) -> NDArray[np.bool_]:
    """Return where a shape of some side has ink, shape (side, side); it touches all four sides of its box."""
    rows, columns = np.mgrid[0:side, 0:side]
    off = (2 * rows - side + 1) ** 2 + (2 * columns - side + 1) ** 2
    if kind == "disc":
        found = off <= side**2
    elif kind == "ring":
        found = (off <= side**2) & (off >= (side * 55 // 100) ** 2)
    elif kind == "square":
        found = np.ones((side, side), dtype=bool)
    else:  # a triangle that stands on its base
        found = abs(2 * columns - side + 1) <= rows + 1
    return np.asarray(found)


def draw(place: int) -> tuple[Pixels, list[dict[str, object]]]:
    """Return a picture, shape (SIDE, SIDE, 3), and what is on it."""
    drawn = numbers(str(place))

    def between(low: int, high: int) -> int:
        return low + next(drawn) * (high - low) // 65_536

    pixels = np.empty((SIDE, SIDE, 3), dtype=np.uint8)
    pixels[:] = [between(*GROUND) for _ in range(3)]
    for _ in range(STRIPES):  # thin lines, which are nothing
        pixels[between(0, SIDE)] = [between(*GROUND) for _ in range(3)]
    found: list[dict[str, object]] = []
    taken: list[tuple[int, int, int]] = []
    for _ in range(between(1, MOST + 1)):
        kind, side = ("disc", "ring", "square", "triangle")[between(0, 4)], between(LEAST, LARGEST + 1)
        ink = [between(*INK) for _ in range(3)]
        for _ in range(TRIES):
            left, top = between(0, SIDE - side + 1), between(0, SIDE - side + 1)
            if all(left >= x + s or x >= left + side or top >= y + s or y >= top + side for x, y, s in taken):
                pixels[top : top + side, left : left + side][inside(kind, side)] = ink
                taken.append((left, top, side))
                found.append({"label": kind, "box": [left, top, side, side]})
                break
    return pixels, found


def png(pixels: Pixels) -> bytes:
    """Return a picture as a PNG of red, green and blue."""
    height, width = pixels.shape[:2]
    raw = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(raw, 9)) + part(b"IEND", b"")


def lines() -> Iterator[str]:
    """Yield the lines of the sample."""
    for place in range(COUNT):
        pixels, found = draw(place)
        image = "data:;base64," + base64.b64encode(png(pixels)).decode()
        yield json.dumps({"image": image, "boxes": found}, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", encoding="ascii", newline="\n") as stream:
        stream.writelines(lines())
