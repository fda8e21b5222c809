"""Baselines that can't be had are told in words."""

import numpy as np
import pytest

from engram.errors import LearnsNothing
from engram.evaluate.reference import linear_probe


def test_rows_of_one_label_are_told_before_anything_is_fitted():
    features, zeros = np.eye(4, dtype=np.float32), np.zeros(4, dtype=np.int64)
    with pytest.raises(LearnsNothing, match="All 4 training rows carry the same label"):
        linear_probe(features, zeros, features, zeros, ("a", "b"))
