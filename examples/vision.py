"""Train an image classifier on handwritten digits, or a detector on the sample, and ask it about a picture.

    python examples/vision.py              which digit is on a picture: the 1,797 that scikit-learn carries
    python examples/vision.py shapes       which shapes lie where: the sample strewn_shapes

Each takes a few minutes on two cores and no network. Everything lies in the home that ENGRAM_HOME names, or ~/.engram;
the digits are written to data/digits, or below the folder that ENGRAM_DATA names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def engram(*arguments: str) -> None:
    """Run a command of Engram, and end where it fails."""
    done = subprocess.run([sys.executable, "-m", "engram.cli.main", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def write_digits(folder: Path) -> None:
    """Write scikit-learn's digits as PNG, a sub-folder for each digit."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    found = load_digits()
    for place, (pixels, digit) in enumerate(zip(found.images, found.target, strict=True)):
        (folder / str(digit)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 255 / 16).astype(np.uint8)).save(folder / str(digit) / f"{place:04}.png")


def digits(*more: str) -> None:
    """Train on digits, then ask about one of them."""
    folder = Path(os.environ.get("ENGRAM_DATA", "data")) / "digits"
    write_digits(folder)
    engram("train", "handwritten_digits", *more)
    engram("predict", "last", str(next((folder / "7").glob("*.png"))))


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
    wanted, more = (sys.argv[1], sys.argv[2:]) if sys.argv[1:2] == ["shapes"] else ("digits", sys.argv[1:])
    (shapes if wanted == "shapes" else digits)(*more)


if __name__ == "__main__":
    main()
