"""What a metric is: answers in, one number or one table out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused, UsageError
from engram.evaluate.answers import Answers as Answers  # this was its address before there were others
from engram.schema.takes import Noun

Weighted = Callable[[NDArray[np.int64]], float]


class Scored(Protocol):
    """What can be scored: a model's answers to a set of questions, one row each.

    `Answers` (classes), `SpanAnswers` (tags of words), `BoxAnswers` (things on pictures) and `EpisodeAnswers` (what a
    policy earned) are such, among others.
    noun: what the answers are, in one word. rows: how many there are. weights: how often each row counts, shape
    (rows,), or None for once each; the bootstrap draws them, so every metric must honour them.
    """

    noun: ClassVar[Noun]

    @property
    def rows(self) -> int:
        """How many questions were answered."""

    @property
    def weights(self) -> NDArray[np.int64] | None:
        """How often each row counts, or None for once each."""

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""

    def check(self, who: str = "the model") -> None:
        """Raise Refused for answers that can't be scored honestly."""

    def same_questions(self, other: Any) -> str:
        """Return '' when both answer the same questions, else what differs."""

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether `other`, of as many rows, answers it as these do."""

    def correct(self) -> NDArray[np.bool_] | None:
        """Tell for each row whether it is right, or None where answers are not right or wrong."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return plain arrays that hold all of it."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; raises Refused where arrays are missing or do not fit together."""


@dataclass(frozen=True)
class Metric:
    """One measure. A scalar metric gives a float and gets an interval; any other gives a table for people.

    better: which way is better; None for tables.
    compute: gets answers of the class `takes`.
    prepare: what the bootstrap calls instead of `compute` when a scalar metric has it. It does all that does not depend
        on the weights once, and returns a function of the weights alone.
    takes: the class of the answers that it scores.
    method: says of answers how the number is worked out, for the report, where the field knows several ways.
    of_correct: the metric is the mean of the answers' `correct()`, so McNemar's test belongs to it.
    """

    name: str
    title: str
    better: Literal["max", "min"] | None
    scalar: bool
    compute: Callable[[Any], Any]
    prepare: Callable[[Any], Weighted] | None = None
    takes: type[Scored] = Answers
    method: Callable[[Any], str] | None = None
    of_correct: bool = False


def row_weights(answers: Scored) -> NDArray[np.int64]:
    """Return how often each row counts, shape (n,)."""
    return np.ones(answers.rows, dtype=np.int64) if answers.weights is None else answers.weights


def of_weights(metric: Metric, answers: Scored) -> Weighted:
    """Return a scalar metric as a function of the row weights, with everything else worked out once."""
    if metric.prepare is not None:
        return metric.prepare(answers)
    return lambda weights: float(metric.compute(answers.weighted(weights)))


def check_takes(metrics: Sequence[Metric], answers: Scored) -> None:
    """Raise UsageError when one of the metrics scores other answers than these."""
    for metric in metrics:
        if not isinstance(answers, metric.takes):
            raise UsageError(
                f"The metric {metric.name!r} scores {metric.takes.noun}, and these answers are {answers.noun}.",
                remedy=f"Take {metric.name!r} out of evaluate.metrics.",
            )


def total(weights: NDArray[np.int64]) -> float:
    """Return how many rows count.

    Raises Refused when none does: a number about nothing would be a made-up number.

    >>> total(np.array([2, 0, 1]))
    3.0
    """
    rows = float(weights.sum())
    if rows <= 0:
        raise Refused("There are no rows to score.", remedy="Give the part at least one labelled row.")
    return rows
