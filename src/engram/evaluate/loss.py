"""Loss: how surprised the model is by the right texts, in nats per token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.metric import Metric, Weighted, row_weights, total
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers, name: str = "loss") -> Weighted:
    """Return the loss as a function of the row weights; `name` is the metric that asks."""
    nll, tokens = answers.losses(name)
    nats, counts = nll.astype(np.float64), tokens.astype(np.int64)

    def loss(weights: NDArray[np.int64]) -> float:
        total(weights)
        return float(weights @ nats) / float(weights @ counts)

    return loss


def compute(answers: TextAnswers) -> float:
    """Return the negative log-likelihood of all rows over the tokens of all rows, in nats.

    Every token counts once, so a long row counts more than a short one. Two models can be compared by it only when
    they cut texts into the same tokens. Raises UsageError when no likelihoods were measured and Refused when there are
    no rows.

    >>> compute(TextAnswers((("a b c",), ("d",)), nll=np.array([3.0, 2.0]), tokens=np.array([3, 1])))
    1.25
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric(
    "loss", "Loss", "min", True, compute, prepare, TextAnswers, lambda _: "nats per token of the right texts"
)
