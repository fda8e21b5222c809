"""What learns by acting in an environment, and how: the block `policy` of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Algorithm = Literal["ppo", "dqn", "sac"]

# Settings that only some algorithms have; `config.check_policy` refuses them elsewhere.
OF_ALGORITHM: Mapping[str, tuple[Algorithm, ...]] = {
    "n_steps": ("ppo",),
    "n_epochs": ("ppo",),
    "gae_lambda": ("ppo",),
    "clip_range": ("ppo",),
    "vf_coef": ("ppo",),
    "ent_coef": ("ppo", "sac"),
    "buffer_size": ("dqn", "sac"),
    "learning_starts": ("dqn", "sac"),
    "train_freq": ("dqn", "sac"),
    "gradient_steps": ("dqn", "sac"),
    "tau": ("dqn", "sac"),
    "target_update_interval": ("dqn", "sac"),
    "exploration_fraction": ("dqn",),
    "exploration_initial_eps": ("dqn",),
    "exploration_final_eps": ("dqn",),
}


@dataclass(frozen=True)
class Policy:
    """What learns in an environment; the settings have the names, and where absent the defaults, of Stable-Baselines3.

    algorithm: ``ppo`` for any actions, ``dqn`` for actions that are one of several, ``sac`` for actions that are
        numbers.
    options: what the environment is made with besides, numbers and truth values only, as ``{is_slippery: false}``.
    net_arch: the widths of the hidden layers, of the policy and of what judges its states alike.
    n_envs: how many copies of the environment are played at once, in one process.
    gamma: how much a reward one step later counts.
    n_steps: steps of each copy between two updates (ppo).
    n_epochs: how often each step is learned from (ppo).
    gae_lambda, clip_range, vf_coef: of its loss (ppo).
    ent_coef: how much chance is rewarded (ppo, and sac, which finds it itself where it is absent).
    buffer_size: the most steps that are remembered (dqn, sac).
    learning_starts: steps before the first update (dqn, sac).
    train_freq, gradient_steps: so many updates after each so many steps (dqn, sac).
    tau, target_update_interval: how the slower copy of the values follows (dqn, sac).
    exploration_fraction: the share of the training in which random actions become fewer (dqn).
    exploration_initial_eps, exploration_final_eps: the share of random actions at its beginning and end (dqn).
    """

    algorithm: Algorithm = "ppo"
    options: Mapping[str, bool | int | float] = field(default_factory=dict)
    net_arch: tuple[int, ...] | None = None
    activation: Literal["tanh", "relu"] | None = None
    n_envs: int = 1
    gamma: float = 0.99
    n_steps: int | None = None
    n_epochs: int | None = None
    gae_lambda: float | None = None
    clip_range: float | None = None
    vf_coef: float | None = None
    ent_coef: float | None = None
    buffer_size: int | None = None
    learning_starts: int | None = None
    train_freq: int | None = None
    gradient_steps: int | None = None
    tau: float | None = None
    target_update_interval: int | None = None
    exploration_fraction: float | None = None
    exploration_initial_eps: float | None = None
    exploration_final_eps: float | None = None

    def given(self) -> dict[str, int | float]:
        """Return the settings of its algorithm that are given.

        >>> Policy(n_steps=64).given()
        {'n_steps': 64}
        """
        values = {name: getattr(self, name) for name in OF_ALGORITHM}
        return {name: value for name, value in values.items() if value is not None}
