"""Early stopping: when the validation loss no longer improves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Stopping:
    """What early stopping remembers. `first` is the validation loss before the first step."""

    patience: int
    first: float = math.inf
    best: float = math.inf
    best_step: int = -1
    since_best: int = 0

    @property
    def due(self) -> bool:
        """Tell whether training should stop; patience 0 never stops."""
        return 0 < self.patience <= self.since_best


def observe(state: Stopping, loss: float, step: int) -> Stopping:
    """Return the state after one validation.

    >>> state = observe(Stopping(patience=2), 1.0, 0)
    >>> for step, loss in ((10, 0.5), (20, 0.6), (30, 0.55)):
    ...     state = observe(state, loss, step)
    >>> state.best, state.best_step, state.due
    (0.5, 10, True)
    """
    if step == 0:
        return replace(state, first=loss, best=loss, best_step=0)
    if loss < state.best:
        return replace(state, best=loss, best_step=step, since_best=0)
    return replace(state, since_best=state.since_best + 1)
