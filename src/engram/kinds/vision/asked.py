"""Pictures that somebody asks about: `data:` URLs as examples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from engram.data import picture
from engram.data.attached import asked_file
from engram.errors import UsageError
from engram.kinds.vision.examples import Examples
from engram.kinds.vision.load import Loaded
from engram.train.cross_entropy import MASKED


def examples_of(loaded: Loaded, inputs: Sequence[Any]) -> Examples:
    """Return pictures, each a ``data:`` URL, as examples of which nothing is known.

    Raises UsageError for what is no image file, or can't be read to its end.
    """
    reads, sizes = [], []
    for given in inputs:
        content = asked_file(given)
        try:
            facts = picture.check(content)
        except ValueError as error:
            told = f"The input can't be looked at: {error}."
            raise UsageError(told, remedy=f"Send one picture as {picture.KNOWN}.") from None
        reads.append(partial(bytes, content))
        sizes.append((int(facts["width"]), int(facts["height"])))
    count = len(reads)
    empty: list[tuple[Any, ...]] = [()] * count
    return Examples(reads, [MASKED] * count, empty, empty, sizes, [loaded.reading.length] * count)
