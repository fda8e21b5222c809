"""McNemar's test: do two models differ, judged by the rows on which only one of them is right?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class McNemar:
    """p: exact and two-sided. only_first, only_second: rows that only that model got right; both, neither: the rest."""

    p: float
    only_first: int
    only_second: int
    both: int
    neither: int


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    """Compare two models by the rows, shape (n,), that each got right.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions, 1947, in its exact
    form.

    >>> mcnemar(np.array([True, True, True]), np.array([False, False, True])).p
    0.5
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((~first_right & second_right).sum())
    both = int((first_right & second_right).sum())
    neither = len(first_right) - only_first - only_second - both
    return McNemar(exact_p(only_first, only_second), only_first, only_second, both, neither)


def exact_p(b: int, c: int) -> float:
    """Return the exact two-sided p of discordant counts b and c: twice the lower tail of a fair coin, at most 1.

    The tail is summed from its largest term down, so that it neither overflows nor loses digits.

    >>> exact_p(0, 0), exact_p(0, 5)
    (1.0, 0.0625)
    """
    n, least = b + c, min(b, c)
    largest = math.lgamma(n + 1) - math.lgamma(least + 1) - math.lgamma(n - least + 1) - n * math.log(2)
    tail, term = 0.0, 1.0
    for k in range(least, -1, -1):
        tail += term
        term *= k / (n - k + 1)
        if term < tail * 1e-17:
            break
    return min(1.0, 2.0 * math.exp(largest) * tail)
