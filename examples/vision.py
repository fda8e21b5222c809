"""Train an image classifier on handwritten digits, or a detector on the sample, and ask it about a picture.

    python examples/vision.py              which digit is on a picture: the 1,797 that scikit-learn carries
    python examples/vision.py shapes       which shapes lie where: the sample strewn_shapes
    python examples/vision.py canvases     which digits lie where: one to three of them on pictures of 64 × 64 pixels

Each takes minutes on two cores and no network. Everything lies in the home that ENGRAM_HOME names, or ~/.engram;
the digits are written to data/digits and data/canvases, or below the folder that ENGRAM_DATA names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SIDE = 64  # pixels of a canvas


def engram(*arguments: str) -> None:
    """Run a command of Engram, and end where it fails."""
    done = subprocess.run([sys.executable, "-m", "engram.cli.main", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def data() -> Path:
    """Return the folder in which the shipped recipes look for data."""
    return Path(os.environ.get("ENGRAM_DATA", "data"))


def write_digits(folder: Path) -> None:
    """Write scikit-learn's digits as PNG, a sub-folder for each digit."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    found = load_digits()
    for place, (pixels, digit) in enumerate(zip(found.images, found.target, strict=True)):
        (folder / str(digit)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 255 / 16).astype(np.uint8)).save(folder / str(digit) / f"{place:04}.png")


def write_canvases(folder: Path, part: str, count: int, first: int, last: int, seed: int) -> None:
    """Write pictures with one to three of scikit-learn's digits from `first` to `last`, and COCO's document of them.

    Digits are 20 to 30 pixels high and wide before their empty edges are cut off, and never lie on one another.
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    found, random = load_digits(), np.random.default_rng(seed)
    (folder / part).mkdir(parents=True, exist_ok=True)
    boxes: list[tuple[int, int, list[int]]] = []
    for place in range(count):
        canvas = np.zeros((SIDE, SIDE), dtype=np.uint8)
        taken: list[list[int]] = []
        for _ in range(int(random.integers(1, 4))):
            which, size = int(random.integers(first, last)), int(random.integers(20, 31))
            small = Image.fromarray((found.images[which] * 255 / 16).astype(np.uint8))
            digit = np.asarray(small.resize((size, size), Image.Resampling.BILINEAR))
            ink = np.argwhere(digit > 40)
            (top, left), (bottom, right) = ink.min(0), ink.max(0) + 1
            digit = digit[top:bottom, left:right]
            high, wide = digit.shape
            for _ in range(30):
                x, y = int(random.integers(0, SIDE - wide + 1)), int(random.integers(0, SIDE - high + 1))
                if all(x + wide <= a or a + c <= x or y + high <= b or b + d <= y for a, b, c, d in taken):
                    canvas[y : y + high, x : x + wide] = digit
                    taken.append([x, y, wide, high])
                    boxes.append((place, int(found.target[which]), taken[-1]))
                    break
        Image.fromarray(canvas).save(folder / part / f"{place:04}.png")
    document = {
        "images": [{"id": place, "file_name": f"{part}/{place:04}.png"} for place in range(count)],
        "categories": [{"id": digit, "name": str(digit)} for digit in range(10)],
        "annotations": [
            {"id": at, "image_id": image, "category_id": digit, "bbox": box}
            for at, (image, digit, box) in enumerate(boxes)
        ],
    }
    (folder / f"{part}.json").write_text(json.dumps(document), encoding="utf-8")


def digits(*more: str) -> None:
    """Train on digits, then ask about one of them."""
    folder = data() / "digits"
    write_digits(folder)
    engram("train", "handwritten_digits", *more)
    engram("predict", "last", str(next((folder / "7").glob("*.png"))))


def canvases(*more: str) -> None:
    """Train on canvases, whose test part is of digits that no other part has, then ask about one of them."""
    folder = data() / "canvases"
    write_canvases(folder, "train", 2_000, 0, 1_300, seed=1)
    write_canvases(folder, "test", 200, 1_300, 1_797, seed=2)
    engram("train", "digit_canvases", *more)
    engram("predict", "last", str(folder / "test" / "0000.png"))


def shapes(*more: str) -> None:
    """Train on the sample, then ask about a picture that this script draws."""
    from PIL import Image, ImageDraw

    engram("train", "strewn_shapes", *more)
    with tempfile.TemporaryDirectory() as folder:
        picture = Image.new("RGB", (48, 48), (240, 236, 220))
        ImageDraw.Draw(picture).rectangle((6, 8, 22, 24), fill=(60, 20, 90))
        ImageDraw.Draw(picture).ellipse((26, 24, 44, 42), fill=(20, 90, 60))
        path = Path(folder) / "shapes.png"
        picture.save(path)
        engram("predict", "last", str(path))


def main() -> None:
    """Train, then ask."""
    known = {"digits": digits, "shapes": shapes, "canvases": canvases}
    wanted, more = (sys.argv[1], sys.argv[2:]) if sys.argv[1:2] and sys.argv[1] in known else ("digits", sys.argv[1:])
    known[wanted](*more)


if __name__ == "__main__":
    main()
