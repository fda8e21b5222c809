"""The scale of scores: what stands for nothing alike, and what for the same."""

from __future__ import annotations

from dataclasses import dataclass

from engram.prep.step import Step


@dataclass(frozen=True)
class Options:
    """Where scores begin and end, in the numbers that the rows have.

    least: the score of two texts that have nothing in common; their vectors shall stand at right angles.
    most: the score of two texts that say the same; their vectors shall have one direction.
    """

    least: float = 0.0
    most: float = 1.0


def score_scale(options: Options) -> tuple[float, float]:
    """Return where scores begin and end.

    >>> score_scale(Options(most=5))
    (0.0, 5)
    """
    return options.least, options.most


def fault(options: Options) -> str:
    """Return what bounds can't say.

    >>> fault(Options(1, 1))
    'least must be below most.'
    """
    return "" if options.least < options.most else "least must be below most."


STEP = Step("score_scale", "1", score_scale, on="reading", options=Options, fault=fault, takes="scores")
