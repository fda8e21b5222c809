"""What this task answers with, in the shape that the metrics of texts take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.text_answers import TextAnswers
from engram.kinds.language.generate.examples import Examples


def text_answers(
    examples: Examples, chances: Sequence[NDArray[np.float32]], texts: Sequence[str] | None
) -> TextAnswers:
    """Return the answers to rows: log-probabilities of each sequence's targets, and texts where there are any."""
    rows = len(examples.references)
    nll, tokens = np.zeros(rows), np.zeros(rows, dtype=np.int64)
    for row, found in zip(examples.owners, chances, strict=True):
        nll[row] -= found.sum(dtype=np.float64)
        tokens[row] += len(found)
    references = tuple((text,) for text in examples.references)
    return TextAnswers(references, None if texts is None else tuple(texts), np.maximum(nll, 0.0), tokens)
