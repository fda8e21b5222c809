"""Building a policy for an environment, and rows as examples: the seeds of its episodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engram.data.rows import SeedRow
from engram.errors import UserError
from engram.export.format import BaseRef
from engram.kinds.rl.environment import find_base, make, plain_space
from engram.kinds.rl.net import FORMAT, PolicyNet
from engram.schema.policy import Algorithm, Policy
from engram.schema.recipe import Recipe
from engram.train.randomness import undisturbed

HIDDEN: Mapping[Algorithm, tuple[int, ...]] = {"ppo": (64, 64), "dqn": (64, 64), "sac": (256, 256)}
# Which actions an algorithm can learn, by the kind of their space.
TAKES: Mapping[Algorithm, tuple[str, ...]] = {"ppo": ("discrete", "box"), "dqn": ("discrete",), "sac": ("box",)}
SMALL_GAIN = 0.01  # of the last layer: at first all actions are about as likely


@dataclass(frozen=True)
class Loaded:
    """A policy. `base` is None for one that was reopened from an export. recipe: what it was built from."""

    model: Any
    base: BaseRef | None
    recipe: Recipe

    @property
    def config(self) -> Mapping[str, Any]:
        """How the policy is built, and what it reads and gives."""
        found: Mapping[str, Any] = self.model.config
        return found


@dataclass(frozen=True)
class Examples:
    """Episodes by their seeds, and what each shows first. lengths: one for each, as no episode has a length before."""

    seeds: tuple[int, ...]
    inputs: NDArray[Any]

    @property
    def lengths(self) -> Sequence[int]:
        """One for each episode."""
        return (1,) * len(self.seeds)


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the policy that a recipe trains, always the same: its weights are drawn from the recipe's seed.

    Raises UnknownName for an unknown environment, UserError where the algorithm can't learn its actions.
    """
    base, settings = find_base(recipe.model), recipe.policy or Policy()
    with undisturbed():
        torch.manual_seed(recipe.train.seed)
        model = PolicyNet(configuration(recipe, settings))
        if settings.algorithm == "ppo":
            _draw_orthogonal(model)
    return Loaded(model, base, recipe)


def configuration(recipe: Recipe, settings: Policy) -> dict[str, Any]:
    """Return how a recipe's policy is built, as plain data.

    Raises UserError where the algorithm can't learn the environment's actions.
    """
    made = make(recipe.model.source, recipe.policy)
    shown, taken, algorithm = plain_space(made.observation_space), plain_space(made.action_space), settings.algorithm
    made.close()
    if taken["kind"] not in TAKES[algorithm]:
        fit = [name for name, kinds in TAKES.items() if taken["kind"] in kinds]
        what = "one of several" if taken["kind"] == "discrete" else "numbers"
        raise UserError(
            f"The actions of {recipe.model.source} are {what}, which {algorithm} can't learn.",
            remedy=f"Write policy: {{algorithm: {fit[0]}}}, or {fit[-1]}.",
        )
    return {
        "format": FORMAT,
        "model_type": "policy",
        "environment": recipe.model.source,
        "algorithm": algorithm,
        "observation": shown,
        "action": taken,
        "hidden": list(HIDDEN[algorithm] if settings.net_arch is None else settings.net_arch),
        "activation": settings.activation or ("tanh" if algorithm == "ppo" else "relu"),
        "output": "scores" if taken["kind"] == "discrete" else "squashed" if algorithm == "sac" else "clipped",
    }


def prepare(loaded: Loaded, rows: Iterable[SeedRow]) -> Examples:
    """Return rows as examples, in their order; nothing is played yet."""
    found = list(rows)
    states = loaded.config["observation"]["kind"] == "discrete"
    inputs = np.array([row.input for row in found], dtype=np.int64 if states else np.float32)
    return Examples(tuple(row.seed for row in found), inputs)


def _draw_orthogonal(model: PolicyNet) -> None:
    """Draw weights as is usual for PPO: orthogonal, and small in the last layer (Engstrom et al. 2020)."""
    *hidden, last = model.linear
    for layer, gain in [*((layer, sqrt(2)) for layer in hidden), (last, SMALL_GAIN)]:
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
