"""Which rows two models answer alike: what a reopened export and a reproduced model are asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Scored


def alike(one: Scored, other: Scored) -> NDArray[np.bool_]:
    """Return for each row whether both gave the same answer, as answers of their class are the same, shape (rows,).

    >>> from engram.evaluate.answers import Answers
    >>> a, b = (Answers(np.array([0, 1]), np.array(guess), None, ("no", "yes")) for guess in ([0, 1], [0, 0]))
    >>> alike(a, b).tolist()
    [True, False]
    """
    if type(one) is not type(other) or one.rows != other.rows:
        return np.zeros(one.rows, dtype=bool)
    return one.alike(other)
