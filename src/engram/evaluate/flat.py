"""Texts and sequences as flat arrays with offsets, so that answers are kept without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate import check


def offsets_of(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return where each piece begins, and at last where the last one ends.

    >>> offsets_of([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype(np.int64)


def rows_of(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each piece of each row the row that it belongs to.

    >>> rows_of(np.array([0, 2, 2, 5])).tolist()
    [0, 0, 2, 2, 2]
    """
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def encode(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return texts as UTF-8 bytes, one after another, and the offsets of shape (texts + 1,) that part them."""
    pieces = [text.encode() for text in texts]
    return np.frombuffer(b"".join(pieces), dtype=np.uint8), offsets_of([len(piece) for piece in pieces])


def decode(name: str, data: NDArray[Any], offsets: NDArray[Any]) -> tuple[str, ...]:
    """Return the texts that `encode` took.

    Raises Refused when the bytes are no UTF-8 or the offsets do not fit them.

    >>> decode("guesses", *encode(["né", "", "x"]))
    ('né', '', 'x')
    """
    if data.dtype != np.uint8 or data.ndim != 1:
        raise Refused(f"The array {name!r} must hold bytes, and it is of type {data.dtype}, shape {data.shape}.")
    check.offsets(f"offsets of {name}", offsets, len(data))
    whole = data.tobytes()
    try:
        return tuple(whole[start:end].decode() for start, end in pairwise(offsets.tolist()))
    except UnicodeDecodeError as error:
        raise Refused(f"The array {name!r} holds bytes that are no UTF-8 text.") from error
