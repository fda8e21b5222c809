"""The Fréchet distance of two sets of features: how far two sets of pictures are from one another as sets (FID)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.errors import UsageError

Floats = NDArray[np.float64]


def distance(one: Floats, other: Floats) -> float:
    """Return the squared Fréchet distance of two sets, each shape (members, features), as if both were Gaussian.

    |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½), with means m and covariances C (Dowson and Landau, The Fréchet distance
    between multivariate normal distributions, 1982; Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017).
    0 for equal sets; its unit is that of the squared features, so numbers of different features never compare.

    Raises UsageError for sets of different features and for a set with fewer members than features and one: its
    covariance would have no full rank, and the number would tell how many members there are.

    >>> sets = np.random.default_rng(0).standard_normal((2, 50, 3))
    >>> round(distance(sets[0], sets[0] + 2.0), 6)
    12.0
    """
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise UsageError(f"The sets have features of shape {one.shape[1:]} and {other.shape[1:]}; they must be alike.")
    fewest, features = min(len(one), len(other)), one.shape[1]
    if fewest <= features:
        raise UsageError(
            f"A set has {fewest:,} members and {features:,} features; at least {features + 1:,} members are needed.",
            remedy="Give more pictures, or name a model with fewer features.",
        )
    between = one.mean(0) - other.mean(0)
    first, second = (np.cov(each, rowvar=False).reshape(features, features) for each in (one, other))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    # tr (C1 C2)^½ is the sum of the roots of the eigenvalues of C1^½ C2 C1^½, which is symmetric: no complex rest.
    common = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    return max(0.0, float(between @ between + np.trace(first) + np.trace(second) - 2 * common))
