"""What a model said of a set of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Predicted:
    """Answers to be scored, and the raw numbers that every export must repeat.

    answers: of the type that the task's metrics take. logits: float32, any shape that depends on the rows alone (class
    logits; for generation the log-probabilities of the reference tokens).
    """

    answers: Any
    logits: NDArray[np.float32]
