"""Perplexity: among how many equally likely tokens the model wavers, on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.evaluate import loss
from engram.evaluate.metric import Metric, Weighted, row_weights
from engram.evaluate.text_answers import TextAnswers


def prepare(answers: TextAnswers) -> Weighted:
    """Return perplexity as a function of the row weights."""
    nats = loss.prepare(answers, "perplexity")

    def perplexity(weights: NDArray[np.int64]) -> float:
        with np.errstate(over="ignore"):  # infinite, which a report shows as not measured
            return float(np.exp(nats(weights)))

    return perplexity


def compute(answers: TextAnswers) -> float:
    """Return e to the loss in nats per token, 1 or more (Jelinek et al., Perplexity, 1977).

    Raises UsageError when no likelihoods were measured and Refused when there are no rows.

    >>> round(compute(TextAnswers((("a b",),), nll=np.array([2 * np.log(50)]), tokens=np.array([2]))), 6)
    50.0
    """
    return prepare(answers)(row_weights(answers))


METRIC = Metric(
    "perplexity", "Perplexity", "min", True, compute, prepare, TextAnswers, lambda _: "per token of the right texts"
)
