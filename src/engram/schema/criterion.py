"""One line of a gate: a metric, what is asked of it, and how grave a miss is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "major"]


@dataclass(frozen=True)
class Criterion:
    """What one metric must satisfy; exactly one of `at_least`, `at_most`, `equals` and `gain_over` is given.

    at_least, at_most, equals: bounds on the observed value.
    gain_over: ``baseline``: the lower end of the paired 95 % interval of tuned minus reference baseline (in the
        metric's better direction) must be at least `by`.
    by: the smallest gain that is accepted; 0 excludes harm.
    severity: a missed critical criterion rolls back by itself, a missed major one waits for a person.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    equals: float | None = None
    gain_over: Literal["baseline"] | None = None
    by: float = 0.0
    severity: Severity = "critical"

    def demand(self) -> tuple[str, float]:
        """Return the comparison and its threshold.

        >>> Criterion("accuracy", at_least=0.88).demand()
        ('>=', 0.88)
        >>> Criterion("accuracy", gain_over="baseline").demand()
        ('gain >=', 0.0)
        """
        if self.at_least is not None:
            return ">=", self.at_least
        if self.at_most is not None:
            return "<=", self.at_most
        if self.equals is not None:
            return "==", self.equals
        return "gain >=", self.by

    def is_complete(self) -> bool:
        """Tell whether exactly one demand is given.

        >>> Criterion("accuracy").is_complete()
        False
        """
        given = (self.at_least, self.at_most, self.equals, self.gain_over)
        return sum(value is not None for value in given) == 1
