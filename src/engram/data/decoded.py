"""Decoded sounds that are kept for a while: those of the rows read last, as far as they fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engram.data.sound import decode

if TYPE_CHECKING:
    from engram.data.sound import Samples

# 128 MB of samples. A larger set is decoded anew in each epoch.
KEPT_SAMPLES = 32 * 2**20

Read = Callable[[], bytes]


@dataclass
class Decoded:
    """The sounds that were decoded last."""

    kept: OrderedDict[int, Samples] = field(default_factory=OrderedDict)
    samples: int = 0

    def get(self, row: int, read: Read, rate: int, most: int | None = None) -> Samples:
        """Return a row's samples at a rate, at most so many; a row is always asked for with the same rate and bound."""
        found = self.kept.get(row)
        if found is None:
            found = decode(read(), rate, most)
            self.kept[row] = found
            self.samples += len(found)
            while self.samples > KEPT_SAMPLES and len(self.kept) > 1:
                self.samples -= len(self.kept.popitem(last=False)[1])
        return found
