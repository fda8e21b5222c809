"""The rate that sound files must have: without this step every rate is taken, and brought to the model's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engram.config.bounds import Bound
from engram.prep.step import Step


@dataclass(frozen=True)
class Options:
    """Which files are taken.

    hz: samples a second of every file; one of another rate ends the import, and is named.
    """

    hz: int


def sample_rate(facts: Mapping[str, float], options: Options) -> str:
    """Return why a file of another rate is not taken.

    >>> sample_rate({"rate": 8000}, Options(16_000))
    'has 8000 samples a second, and the recipe takes 16000 only'
    """
    rate = int(facts["rate"])
    return "" if rate == options.hz else f"has {rate} samples a second, and the recipe takes {options.hz} only"


STEP = Step(
    "sample_rate", "1", sample_rate, on="file", options=Options, bounds={"hz": Bound(1_000, 768_000)}, takes="sound"
)
