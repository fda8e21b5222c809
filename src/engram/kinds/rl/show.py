"""What a report shows of a policy besides numbers: one episode, step by step, and the best and the worst."""

from __future__ import annotations

from typing import Any

import numpy as np

from engram.evaluate.episode_answers import EpisodeAnswers
from engram.kinds.rl.environment import PREFIX, make
from engram.kinds.rl.load import Examples, Loaded
from engram.kinds.rl.measure import acting, stack

MOST_STEPS = 240  # of an episode that are kept; of longer ones, evenly chosen
MOST_NUMBERS = 16  # of an observation
EXTREMES = 3


def show(loaded: Loaded, examples: Examples, answers: EpisodeAnswers) -> dict[str, Any]:
    """Return ``episode``, that of the median return as it was played, and ``episodes``, those that went best and worst.

    episode: environment, seed, return, steps, and ``frames``: step, observation, action, reward.
    """
    order = np.argsort(answers.returns, kind="stable")
    middle = int(order[(len(order) - 1) // 2])
    ends = list(dict.fromkeys([*order[:EXTREMES].tolist(), *order[::-1][:EXTREMES].tolist()]))
    return {
        "episode": episode(loaded, int(answers.seeds[middle])),
        "episodes": {"success": answers.rule, "rows": [_line(answers, row) for row in ends]},
    }


def episode(loaded: Loaded, seed: int) -> dict[str, Any]:
    """Play one episode and return what happened in it."""
    made, act = make(loaded.recipe.model.source, loaded.recipe.policy), acting(loaded)
    shown, ended, total = made.reset(seed=seed)[0], False, 0.0
    frames: list[dict[str, Any]] = []
    while not ended:
        action = act(stack([shown]), [made])[0]
        after, reward, over, cut, _ = made.step(action)
        total, ended = total + float(reward), bool(over or cut)
        frames.append(
            {
                "step": len(frames),
                "observation": _plain(shown),
                "action": _plain(action),
                "reward": round(float(reward), 5),
            }
        )
        shown = after
    made.close()
    steps = len(frames)
    chosen = sorted({round(at) for at in np.linspace(0, steps - 1, min(steps, MOST_STEPS))})
    name = loaded.recipe.model.source.removeprefix(PREFIX)
    kept = [frames[at] for at in chosen]
    return {"environment": name, "seed": seed, "return": total, "steps": steps, "frames": kept}


def _line(answers: EpisodeAnswers, row: int) -> dict[str, Any]:
    return {
        "seed": int(answers.seeds[row]),
        "return": float(answers.returns[row]),
        "steps": int(answers.steps[row]),
        "success": int(answers.success[row]),
    }


def _plain(value: Any) -> list[float]:
    return [round(float(one), 5) for one in np.asarray(value).ravel()[:MOST_NUMBERS]]
