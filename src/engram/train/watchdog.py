"""Watchdogs: a run that diverges or learns nothing ends at once and says why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engram.errors import Diverged, LearnsNothing

# So many optimizer steps in a row that move nothing mean that nothing can be learned. An fp16 scaler may need a dozen
# overflowing steps to find its scale.
STILL_STEPS = 20


@dataclass
class Watchdog:
    """Counts the steps in a row that moved nothing."""

    still: int = 0

    def check(self, step: int, loss: float, grad_norm: float, targets: int) -> None:
        """Look at one optimizer step.

        Raises Diverged when loss or gradient norm is not finite, LearnsNothing when the step has no trainable target
        or STILL_STEPS steps in a row had no gradient at all.

        >>> Watchdog().check(7, float("nan"), 1.0, 12)
        Traceback (most recent call last):
        engram.errors.Diverged: The loss is nan at step 7. Lower train.learning_rate or train.max_grad_norm, \
or set train.precision to fp32.
        """
        if targets == 0:
            raise LearnsNothing(
                f"Step {step} has no trainable target: every label of its rows is masked out.",
                remedy="Check data.columns and the labels; `engram data check` shows one rendered example.",
            )
        for name, value in (("loss", loss), ("gradient norm", grad_norm)):
            if not math.isfinite(value):
                raise Diverged(
                    f"The {name} is {value} at step {step}.",
                    remedy="Lower train.learning_rate or train.max_grad_norm, or set train.precision to fp32.",
                )
        self.still = self.still + 1 if grad_norm == 0.0 else 0
        if self.still >= STILL_STEPS:
            raise LearnsNothing(
                f"The gradient was exactly zero for {self.still} steps in a row, up to step {step}.",
                remedy="Check adapter.target_modules: no trainable weight takes part in the loss.",
            )
