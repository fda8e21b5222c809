"""Learning-rate schedules as pure functions of the step, so that a resumed run needs no scheduler state."""

from __future__ import annotations

import math

from engram.schema.recipe import Train


def learning_rate_at(step: int, total: int, options: Train) -> float:
    """Return the learning rate of optimizer step `step` (0-based) out of `total`.

    Linear warm-up over ``warmup_ratio * total`` steps, then cosine (Loshchilov & Hutter 2017), linear decay to zero or
    constant.

    >>> options = Train(learning_rate=1.0, warmup_ratio=0.1, lr_scheduler_type="linear")
    >>> [round(learning_rate_at(step, 20, options), 2) for step in (0, 1, 2, 11, 19)]
    [0.5, 1.0, 1.0, 0.5, 0.06]
    """
    warmup = math.ceil(options.warmup_ratio * total)
    if step < warmup:
        return options.learning_rate * (step + 1) / warmup
    if options.lr_scheduler_type == "constant":
        return options.learning_rate
    done = (step - warmup) / max(1, total - warmup)
    if options.lr_scheduler_type == "linear":
        return options.learning_rate * (1.0 - done)
    return options.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))
