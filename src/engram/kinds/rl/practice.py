"""Environments that a policy learns in: each episode begins with a training seed, and an open one can be replayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.kinds.rl.environment import gymnasium, make
from engram.schema.recipe import Recipe


@dataclass
class Seeds:
    """The training seeds of one place: which come, one episode after the other, over and over.

    begun: episodes so far. actions: those of the open one.
    """

    seeds: Sequence[int]
    begun: int = 0
    actions: list[Any] = field(default_factory=list)

    def draw(self) -> int:
        """Return the seed of the next episode."""
        seed = self.seeds[self.begun % len(self.seeds)]
        self.begun, self.actions = self.begun + 1, []
        return int(seed)


def practice(recipe: Recipe, seeds: Sequence[int]) -> Any:
    """Return an environment whose every reset begins the episode of the next seed; ``practised`` holds where it is."""
    gym = gymnasium()

    class Practice(gym.Wrapper):  # type: ignore[misc, name-defined]
        """Takes the seeds from a list, and remembers the actions of the open episode."""

        def __init__(self) -> None:
            super().__init__(make(recipe.model.source, recipe.policy))
            self.practised = Seeds(seeds)

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return self.env.reset(seed=self.practised.draw())

        def step(self, action: Any) -> Any:
            self.practised.actions.append(action)
            return self.env.step(action)

        def replay(self, begun: int, actions: NDArray[Any]) -> Any:
            """Play an open episode again: the last of `begun`, by its actions; returns what it shows now."""
            self.practised.begun = begun - 1
            shown, _ = self.reset()
            for action in actions:
                shown, *_ = self.step(action)
            return shown

    return Practice()


def places(recipe: Recipe, seeds: Sequence[int], count: int) -> Any:
    """Return `count` such environments as Stable-Baselines3 takes them; each has its own share of the seeds."""
    from stable_baselines3.common.vec_env import DummyVecEnv

    class Places(DummyVecEnv):
        """Shows what it shows in memory of torch's own alignment."""

        def _obs_from_buf(self) -> Any:
            return aligned(self.buf_obs[None])  # type: ignore[index]

    shares = [list(seeds[place::count]) or list(seeds) for place in range(count)]
    return Places([partial(practice, recipe, share) for share in shares])


def aligned(shown: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that begins where torch lets its tensors begin.

    A matrix product may differ in its last bit with the place of its operands in memory, and NumPy's places are chance:
    a training would not come out the same twice.
    """
    found: NDArray[Any] = torch.from_numpy(shown).clone().numpy()
    return found


def open_episodes(env: Any) -> tuple[list[int], dict[str, NDArray[Any]]]:
    """Return how many episodes each place has begun, and the actions of its open one by ``place.<n>``."""
    found = [one.practised for one in env.envs]
    space = env.action_space
    empty = np.zeros((0, *space.shape), dtype=space.dtype)
    actions = {
        f"place.{place}": np.stack([np.asarray(action) for action in one.actions]) if one.actions else empty
        for place, one in enumerate(found)
    }
    return [one.begun for one in found], actions


def replay(env: Any, begun: Sequence[int], actions: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Bring each place to where it was, by playing its open episode again; returns what they show, (places, …)."""
    shown = []
    for place, one in enumerate(env.envs):
        done = actions[f"place.{place}"]
        discrete = hasattr(env.action_space, "n")
        shown.append(np.asarray(one.replay(begun[place], done.tolist() if discrete else done)))
    return np.stack(shown)
