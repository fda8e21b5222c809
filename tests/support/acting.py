"""A policy in little: a few hundred steps of CartPole, and the rows of its episodes."""

from __future__ import annotations

from typing import Any

from engram.data.rows import SeedRow
from engram.schema.policy import Policy
from engram.schema.recipe import Data, Model, PrepStep, Recipe, SaveEvery, SplitPlan, Train

PPO: dict[str, Any] = {"algorithm": "ppo", "n_envs": 2, "n_steps": 32, "n_epochs": 4, "net_arch": (16,)}
STEPS = 512


def recipe(source: str = "gym:CartPole-v1", policy: dict[str, Any] | None = None, **train: Any) -> Recipe:
    """Return a recipe that learns within a second; policy: in place of PPO's settings."""
    return Recipe(
        name="tiny",
        kind="rl",
        task="act",
        model=Model(source),
        data=Data(seeds=20, split=SplitPlan(0.6, 0.2, 0.2, seed=1)),
        prep=(PrepStep("normalise"),),
        export=("weights", "onnx"),
        policy=Policy(**(PPO if policy is None else policy)),
        train=Train(
            **{
                "max_steps": STEPS,
                "learning_rate": 3e-3,
                "warmup_ratio": 0.0,
                "eval_every": 128,
                "save_every": SaveEvery(128),
                "per_device_train_batch_size": 32,
                "early_stopping_patience": 0,
                "precision": "fp32",
                "seed": 0,
                **train,
            }
        ),
    )


def rows(asked: Recipe, count: int, first: int = 0) -> list[SeedRow]:
    """Return the rows of so many episodes, their seeds counted from `first`."""
    from engram.kinds.rl.environment import begin

    seeds = range(first, first + count)
    return [
        SeedRow(place, seed, shown) for place, (seed, shown) in enumerate(zip(seeds, begin(asked, seeds), strict=True))
    ]
