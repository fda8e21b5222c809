"""Answers of a policy: what it earned in the episodes that began with some seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engram.errors import Refused
from engram.evaluate import check
from engram.schema.takes import Noun

UNKNOWN = -1  # an episode of which the environment does not say whether it went well


@dataclass(frozen=True)
class EpisodeAnswers:
    """What a policy did with a set of episodes, one a row.

    seeds: with which each began, shape (rows,). returns: the sum of its rewards, shape (rows,). steps: how many it had.
    success: 1, 0 or UNKNOWN, shape (rows,). rule: what success is here, in words; '' where the environment has none.
    weights: how often each row counts, shape (rows,), or None for once each.
    """

    seeds: NDArray[np.int64]
    returns: NDArray[np.float64]
    steps: NDArray[np.int64]
    success: NDArray[np.int64]
    rule: str = ""
    weights: NDArray[np.int64] | None = None

    noun: ClassVar[Noun] = "episodes"

    @property
    def rows(self) -> int:
        """How many episodes were played."""
        return len(self.seeds)

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        """Return the same answers with other weights."""
        return replace(self, weights=weights)

    def check(self, who: str = "the model") -> None:
        """Refuse answers that can't be scored honestly.

        Raises Refused for no episodes, lengths that differ, returns that are not finite, episodes without a step, and
        weights that are negative or not whole.
        """
        check.some_rows(self.rows, who)
        for name in ("returns", "steps", "success"):
            check.shape(name, getattr(self, name), (self.rows,))
        wrong = np.flatnonzero(~np.isfinite(self.returns))
        if len(wrong):
            row = int(wrong[0])
            raise Refused(f"The return of the episode with seed {self.seeds[row]} is {self.returns[row]}, no number.")
        if (self.steps < 1).any() or not np.isin(self.success, (UNKNOWN, 0, 1)).all():
            raise Refused("Each episode has at least one step, and went well or did not.")
        check.row_weights(self.weights, self.rows)

    def same_questions(self, other: Any) -> str:
        """Return '' when both played the same seeds by the same rule, else what differs."""
        if not isinstance(other, EpisodeAnswers):
            return check.other_answers(self, other)
        if not np.array_equal(self.seeds, other.seeds):
            return "their seeds differ."
        return "" if self.rule == other.rule else "success is not the same for both."

    def alike(self, other: Self) -> NDArray[np.bool_]:
        """Tell for each row whether both took as many steps and earned the same, within a thousandth."""
        earned = np.isclose(self.returns, other.returns, rtol=1e-3, atol=1e-3)
        return np.asarray((self.steps == other.steps) & earned)

    def correct(self) -> None:
        """Return None: a return is not right or wrong."""
        return

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return ``seeds``, ``returns``, ``steps``, ``success``, ``rule`` as UTF-8 bytes, and ``weights`` if given."""
        rule = np.frombuffer(self.rule.encode(), dtype=np.uint8)
        named: dict[str, NDArray[Any]] = {"seeds": self.seeds, "returns": self.returns, "steps": self.steps}
        return named | {"success": self.success, "rule": rule} | check.given(weights=self.weights)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str] = ()) -> Self:
        """Read what `to_arrays` gave; episodes have no labels. Raises Refused for a missing array.

        >>> one = EpisodeAnswers(np.array([7]), np.array([3.0]), np.array([3]), np.array([1]), "return ≥ 2")
        >>> EpisodeAnswers.from_arrays(one.to_arrays()).rule
        'return ≥ 2'
        """
        seeds, returns, steps, success, rule = check.needed(arrays, "seeds", "returns", "steps", "success", "rule")
        return cls(seeds, returns, steps, success, rule.tobytes().decode(), arrays.get("weights"))
