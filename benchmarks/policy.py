"""The contestants of R15, one a process: PPO learns to balance a pole, by us or by Stable-Baselines3 alone.

Called as ``policy.py NAME PLAN``, where PLAN is the JSON of a `Plan`. Learning is timed, from the first step in the
environment to the last update; imports and the making of environments and networks are not.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from race import report_result

OURS, ALONE = "ours", "alone"
ENVIRONMENT = "CartPole-v1"


@dataclass(frozen=True)
class Plan:
    """What both do: `steps` in `places` copies of the environment, `rollout` of each between two updates."""

    steps: int
    places: int
    rollout: int
    batch: int
    epochs: int
    rate: float
    seed: int


def ours(plan: Plan) -> dict[str, Any]:
    """Learn as a run does, with events and checkpoints; nothing is validated but at the end, by one short episode."""
    from engram.kinds.rl import act, algorithms
    from engram.kinds.rl import fit as fitting
    from engram.kinds.rl.fit import _Run
    from engram.train.fitting import Fitting

    recipe = recipe_of(plan)
    rows = [_row(seed, shown) for seed, shown in zip(range(512), act.begin(recipe, range(512)), strict=True)]
    loaded = act.load(recipe, ())
    train, valid = act.prepare(loaded, rows[:500]), act.prepare(loaded, rows[500:501])
    fitting.validate = lambda loaded, valid: 0.0  # what a validation takes is not what is raced for
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(loaded, train, valid, Fitting(recipe.train, Path(folder) / "checkpoints"), plan.steps)
        run.begin()
        began = time.process_time(), time.perf_counter()
        while not run.progress.finished:
            run.turn()
            run.validate_if_due()
            run.save_if_due()
            run.obey()
        spent = time.process_time() - began[0], time.perf_counter() - began[1]
        updates, steps = int(run.algorithm._n_updates), run.progress.step
        assert algorithms.losses(run.algorithm) is not None
        run.close()
    return {"cpu_s": spent[0], "wall_s": spent[1], "steps": steps, "updates": updates}


def recipe_of(plan: Plan) -> Any:
    """Return our recipe of a plan."""
    from engram.schema.policy import Policy
    from engram.schema.recipe import Data, Model, Recipe, SaveEvery, Train

    policy = Policy("ppo", n_envs=plan.places, n_steps=plan.rollout, n_epochs=plan.epochs)
    train = Train(
        learning_rate=plan.rate,
        max_steps=plan.steps,
        per_device_train_batch_size=plan.batch,
        lr_scheduler_type="constant",
        warmup_ratio=0.0,
        max_grad_norm=0.5,
        early_stopping_patience=0,
        save_every=SaveEvery(5_000),
        precision="fp32",
        seed=plan.seed,
    )
    return Recipe("race", "rl", "act", Model(f"gym:{ENVIRONMENT}"), Data(seeds=500), policy=policy, train=train)


def _row(seed: int, shown: Any) -> Any:
    from engram.data.rows import SeedRow

    return SeedRow(seed, seed, shown)


def alone(plan: Plan) -> dict[str, Any]:
    """Learn by the library alone: its `learn`, on its own vector of environments, without evaluation or checkpoints."""
    import gymnasium
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    env = DummyVecEnv([lambda: gymnasium.make(ENVIRONMENT) for _ in range(plan.places)])
    made = PPO(
        "MlpPolicy",
        env,
        learning_rate=plan.rate,
        n_steps=plan.rollout,
        batch_size=plan.batch,
        n_epochs=plan.epochs,
        seed=plan.seed,
        device="cpu",
    )
    began = time.process_time(), time.perf_counter()
    made.learn(plan.steps)
    spent = time.process_time() - began[0], time.perf_counter() - began[1]
    return {"cpu_s": spent[0], "wall_s": spent[1], "steps": made.num_timesteps, "updates": made._n_updates}


def main(name: str, plan: Plan) -> None:
    """Do the work of one contestant and report it."""
    torch.set_num_threads(1)
    report_result(**{OURS: ours, ALONE: alone}[name](plan))


if __name__ == "__main__":
    main(sys.argv[1], Plan(**json.loads(sys.argv[2])))
