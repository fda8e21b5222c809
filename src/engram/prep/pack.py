"""Rows one after the other in one sequence, said among the prep steps; it is the same as ``train.packing``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engram.config.bounds import COUNT
from engram.prep.step import Step

# The key of the block `train` that turns packing on; its name stands here and nowhere else in this room.
PACKING = "packing"


@dataclass(frozen=True)
class Options:
    """How rows are packed.

    tokens: the most tokens of a batch; the same as ``train.tokens_per_batch``, which decides where it is absent.
    """

    tokens: int | None = None


def pack(options: Options) -> dict[str, Any]:
    """Return what the step sets in the block `train`.

    >>> pack(Options(2048))
    {'packing': True, 'tokens_per_batch': 2048}
    """
    return {PACKING: True, **({"tokens_per_batch": options.tokens} if options.tokens is not None else {})}


STEP = Step("pack", "1", pack, on="batches", options=Options, bounds={"tokens": COUNT})
