"""Groups of pairs: in each, a text must find its partner among the partners of the others."""

from __future__ import annotations

from dataclasses import dataclass

from engram.config.bounds import Bound
from engram.prep.step import Step


@dataclass(frozen=True)
class Options:
    """How pairs are set against each other.

    pairs: how many stand in a group; each has the partners and hard negatives of the others as its negatives.
    temperature: what cosines are divided by; a lower one looks harder at what is nearly right.
    symmetric: partners must also find their texts.
    dimensions: shorter lengths at which the beginning of a vector must be of use by itself.
    """

    pairs: int = 32
    temperature: float = 0.05
    symmetric: bool = False
    dimensions: tuple[int, ...] = ()


def contrast(options: Options) -> Options:
    """Return the options: the kind that learns from pairs reads them.

    >>> contrast(Options(pairs=8)).pairs
    8
    """
    return options


def fault(options: Options) -> str:
    """Return what bounds can't say.

    >>> fault(Options(dimensions=(128, 128)))
    'dimensions must be different whole numbers from 1.'
    """
    wrong = any(one < 1 for one in options.dimensions) or len(set(options.dimensions)) < len(options.dimensions)
    return "dimensions must be different whole numbers from 1." if wrong else ""


BOUNDS = {"pairs": Bound(2, 1024), "temperature": Bound(0.001, 1)}
STEP = Step("contrast", "1", contrast, on="groups", options=Options, bounds=BOUNDS, fault=fault, takes="pairs")
