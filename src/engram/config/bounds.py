"""The bounds of a recipe's numbers, once: `check.py` and the JSON schema both read this table."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """The range of one number; `open_low` and `open_high` leave the ends out."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether a number lies in the range; NaN and infinity never do.

        >>> Bound(0, 1, open_high=True).holds(1), Bound(1).holds(float("inf"))
        (False, False)
        """
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return math.isfinite(value) and above and below

    def __str__(self) -> str:
        low = f"greater than {self.low:g}" if self.open_low else f"at least {self.low:g}"
        if self.high == math.inf:
            return low
        return low + (f" and less than {self.high:.10g}" if self.open_high else f" and at most {self.high:.10g}")


POSITIVE = Bound(0, open_low=True)
COUNT = Bound(1)
SEED = Bound(0, 2**32 - 1)
SHARE = Bound(0, 1)

BOUNDS: dict[tuple[str, ...], Bound] = {
    ("data", "limit"): COUNT,
    ("data", "clean", "near_threshold"): Bound(0.5, 1),
    ("data", "split", "train"): Bound(0, 1, open_low=True),
    ("data", "split", "valid"): SHARE,
    ("data", "split", "test"): SHARE,
    ("data", "split", "seed"): SEED,
    ("data", "seeds"): Bound(3, 1_000_000),
    ("policy", "n_envs"): Bound(1, 256),
    ("policy", "gamma"): Bound(0, 1),
    ("policy", "n_steps"): Bound(2),
    ("policy", "n_epochs"): COUNT,
    ("policy", "gae_lambda"): SHARE,
    ("policy", "clip_range"): POSITIVE,
    ("policy", "vf_coef"): Bound(0),
    ("policy", "ent_coef"): Bound(0),
    ("policy", "buffer_size"): COUNT,
    ("policy", "learning_starts"): Bound(0),
    ("policy", "train_freq"): COUNT,
    ("policy", "gradient_steps"): COUNT,
    ("policy", "tau"): Bound(0, 1, open_low=True),
    ("policy", "target_update_interval"): COUNT,
    ("policy", "exploration_fraction"): Bound(0, 1, open_low=True),
    ("policy", "exploration_initial_eps"): SHARE,
    ("policy", "exploration_final_eps"): SHARE,
    ("adapter", "r"): COUNT,
    ("adapter", "alpha"): COUNT,
    ("adapter", "dropout"): Bound(0, 1, open_high=True),
    ("train", "learning_rate"): POSITIVE,
    ("train", "num_train_epochs"): POSITIVE,
    ("train", "max_steps"): COUNT,
    ("train", "per_device_train_batch_size"): COUNT,
    ("train", "tokens_per_batch"): COUNT,
    ("train", "gradient_accumulation_steps"): COUNT,
    ("train", "warmup_ratio"): Bound(0, 1, open_high=True),
    ("train", "weight_decay"): Bound(0),
    ("train", "max_grad_norm"): POSITIVE,
    ("train", "max_seq_length"): COUNT,
    ("train", "early_stopping_patience"): Bound(0),
    ("train", "eval_every"): COUNT,
    ("train", "save_every", "steps"): COUNT,
    ("train", "logging_steps"): COUNT,
    ("train", "seed"): SEED,
    ("evaluate", "bootstrap"): Bound(1000),
    ("evaluate", "max_new_tokens"): COUNT,
    ("simulate", "concurrency"): COUNT,
    ("simulate", "seconds"): POSITIVE,
}
