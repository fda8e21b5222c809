"""Rows to batches: pictures decoded when they are needed, changed where they are training rows, at one size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from engram.data.picture import decode
from engram.data.rows import FileRow
from engram.kinds.vision.load import Loaded
from engram.kinds.vision.reading import Pixels
from engram.prep.plan import changes, row_random
from engram.prep.shown_image import ShownImage
from engram.train.batches import order_for_scoring
from engram.train.cross_entropy import MASKED

# Bytes of decoded pictures that are kept, of the rows read last. A larger set is decoded anew in each epoch.
KEPT_BYTES = 128 * 2**20
SCORING_PATCHES = 8192  # in a batch of evaluation: 32 pictures of 256 × 256 pixels

Read = Callable[[], bytes]
Place = tuple[float, float, float, float]


@dataclass
class Decoded:
    """The pictures that were decoded last, as far as they fit."""

    kept: OrderedDict[int, Pixels] = field(default_factory=OrderedDict)
    size: int = 0

    def get(self, row: int, read: Read, bring: Callable[[Pixels], Pixels]) -> Pixels:
        """Return a row's pixels, shape (height, width, 3), as `bring` makes them of the picture."""
        found = self.kept.get(row)
        if found is None:
            found = bring(np.asarray(decode(read())))
            self.kept[row] = found
            self.size += found.nbytes
            while self.size > KEPT_BYTES and len(self.kept) > 1:
                self.size -= self.kept.popitem(last=False)[1].nbytes
        return found


@dataclass(frozen=True)
class Examples:
    """Pictures, not decoded yet, and what is known of them.

    targets: label index of each row, MASKED where there is none to learn from. boxes: what is to be found on each, as
    left, top, width and height in its pixels; tags: the class of each. sizes: width and height of each picture.
    lengths: patches of 16 × 16 pixels of each row, as the model sees it: the same for all.
    """

    reads: Sequence[Read]
    targets: Sequence[int]
    boxes: Sequence[Sequence[Place]]
    tags: Sequence[Sequence[int]]
    sizes: Sequence[tuple[int, int]]
    lengths: Sequence[int]
    decoded: Decoded = field(default_factory=Decoded)


def prepare(loaded: Loaded, rows: Iterable[FileRow]) -> Examples:
    """Return rows as examples; nothing is decoded, the size of a picture stands in its row."""
    found, classes = list(rows), len(loaded.labels)
    return Examples(
        [row.file.read for row in found],
        [row.label if 0 <= row.label < classes else MASKED for row in found],
        [row.boxes for row in found],
        [row.tags for row in found],
        [(int(row.file.facts["width"]), int(row.file.facts["height"])) for row in found],
        [loaded.reading.length] * len(found),
    )


def plain(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> list[ShownImage]:
    """Return rows as the model sees them."""
    return [_shown(loaded, examples, row) for row in rows]


def varied(loaded: Loaded, examples: Examples, rows: Sequence[int], epoch: int) -> list[ShownImage]:
    """Return training rows as the model sees them, each changed by its own draw for this epoch."""
    recipe, found = loaded.recipe, []
    steps = changes(recipe.prep, "pixels")
    for row in rows:
        random, shown = row_random(recipe.train.seed, epoch, row), _shown(loaded, examples, row)
        for change in steps:
            shown = change(shown, random=random)
        found.append(shown)
    return found


def inputs_of(loaded: Loaded, shown: Sequence[ShownImage]) -> torch.Tensor:
    """Return pictures as the model takes them, (rows, 3, height, width), on its device."""
    stacked = loaded.reading.stack([one.pixels for one in shown])
    return torch.from_numpy(stacked).to(next(loaded.model.parameters()).device)


def scoring_order(loaded: Loaded, examples: Examples) -> list[list[int]]:
    """Return the rows of each batch of evaluation."""
    return order_for_scoring(examples.lengths, SCORING_PATCHES)


def _shown(loaded: Loaded, examples: Examples, row: int) -> ShownImage:
    pixels = examples.decoded.get(row, examples.reads[row], loaded.reading.resize)
    width, height = examples.sizes[row]
    factors = np.array([loaded.reading.width / width, loaded.reading.height / height] * 2, dtype=np.float32)
    boxes = np.array(examples.boxes[row], dtype=np.float32).reshape(-1, 4) * factors
    return ShownImage(pixels, boxes, np.array(examples.tags[row], dtype=np.int64))
