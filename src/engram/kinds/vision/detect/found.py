"""What a detector says of its places, as boxes with a class and a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 100  # boxes of one picture, as COCO counts them

# Classes, boxes (left, top, width, height in pixels) and scores, the surest first.
Found = tuple[list[int], list[list[float]], list[float]]


def found_boxes(said: NDArray[np.float32], size: tuple[int, int], focal: bool) -> Found:
    """Return the boxes of a picture of some width and height.

    said: logits of the classes and the box of each place, shape (places, classes + 4). focal: each class of a place is
    a yes or no of its own (sigmoid), so that a place may be several boxes; otherwise the last class means nothing
    (softmax), and a place is the likeliest of the others.

    >>> said = np.array([[9.0, -9.0, 0.5, 0.5, 0.5, 0.5]], dtype=np.float32)
    >>> found_boxes(said, (8, 4), focal=False)[:2]
    ([0], [[2.0, 1.0, 4.0, 2.0]])
    """
    logits, boxes = said[:, :-4].astype(np.float64), said[:, -4:].astype(np.float64)
    if focal:
        scores = 1 / (1 + np.exp(-logits))
        order = np.argsort(-scores, axis=None, kind="stable")[:MOST]
        places, classes = np.unravel_index(order, scores.shape)
        sure = scores[places, classes]
    else:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
        best = scores.argmax(axis=1)
        places = np.argsort(-scores.max(axis=1), kind="stable")[:MOST]
        classes = best[places]
        sure = scores[places, classes]
    width, height = size
    middle, half = boxes[places, :2], boxes[places, 2:] / 2
    begin, end = (np.clip(corner, 0, 1) * [width, height] for corner in (middle - half, middle + half))
    drawn = np.concatenate([begin, end - begin], axis=1)
    return classes.astype(int).tolist(), drawn.tolist(), np.clip(sure, 0, 1).tolist()
