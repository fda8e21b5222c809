"""Playing episodes: what a policy earns with given seeds, what chance earns, and what a validation says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.evaluate.episode_answers import UNKNOWN, EpisodeAnswers
from engram.evaluate.predicted import Predicted
from engram.kinds.rl.environment import make, success_rule
from engram.kinds.rl.load import Examples, Loaded
from engram.schema.recipe import Recipe

WIDTH = 32  # episodes that are played at once
PROBES = 8  # observations for each seed, on which an export must decide alike
OnProgress = Callable[[int, int], None]
# From the observations of all places, shape (places, …), and the places whose episode still runs, to their actions.
Act = Callable[[NDArray[Any], list[Any]], Sequence[Any]]


def predict(loaded: Loaded, examples: Examples, on_progress: OnProgress | None = None) -> Predicted:
    """Play the episode of every seed, each step by what the policy holds best; logits are those of `probes`."""
    answers = play(loaded.recipe, examples.seeds, acting(loaded), on_progress)
    shown = probes(loaded, examples)
    with torch.inference_mode():
        scores = loaded.model(torch.from_numpy(shown.reshape(-1, *shown.shape[2:]))).float().numpy()
    return Predicted(answers, scores.reshape(*shown.shape[:2], -1).astype(np.float32))


def probes(loaded: Loaded, examples: Examples) -> NDArray[Any]:
    """Return observations that depend on the rows alone, (rows, PROBES, …): the first of each, and some near it."""
    space, first = loaded.config["observation"], examples.inputs
    near = np.repeat(first[:, None], PROBES, axis=1)
    if space["kind"] == "discrete":
        steps = np.arange(PROBES, dtype=np.int64)[None, :]
        states: NDArray[Any] = (near - space["start"] + steps) % space["n"] + space["start"]
        return states
    for place, seed in enumerate(examples.seeds):
        noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(near[place, 1:].shape)
        near[place, 1:] += noise.astype(np.float32)
    return near


def acting(loaded: Loaded) -> Act:
    """Return the function that plays a policy without chance; it computes in fp32."""
    scored, space = loaded.config["output"] == "scores", loaded.config["action"]
    loaded.model.eval()

    def act(shown: NDArray[Any], made: list[Any]) -> Sequence[Any]:
        with torch.inference_mode():
            found = loaded.model(torch.tensor(shown)).float().numpy()
        if scored:
            return [int(best) + space["start"] for best in found.argmax(axis=1)]
        return list(found.reshape(-1, *space["shape"]))

    return act


def by_chance(shown: NDArray[Any], made: list[Any]) -> Sequence[Any]:
    """Act at random, each place by the generator of its own action space."""
    return [one.action_space.sample() for one in made]


def play(recipe: Recipe, seeds: Sequence[int], act: Act, on_progress: OnProgress | None = None) -> EpisodeAnswers:
    """Play one episode for each seed, some of them at once; none knows of the others."""
    made = [make(recipe.model.source, recipe.policy) for _ in range(min(WIDTH, len(seeds)))]
    returns, steps = np.zeros(len(seeds)), np.zeros(len(seeds), dtype=np.int64)
    ends: list[dict[str, Any]] = [{} for _ in seeds]
    for start in range(0, len(seeds), WIDTH):
        part = seeds[start : start + WIDTH]
        places = made[: len(part)]
        for place, seed in zip(places, part, strict=True):
            place.action_space.seed(int(seed))
        # Those that have ended stay in the batch: a row's numbers may depend on how many there are, in the last bit.
        shown = stack([place.reset(seed=int(seed))[0] for place, seed in zip(places, part, strict=True)])
        running = list(range(len(part)))
        while running:
            actions = act(shown, places)
            for place in list(running):
                seen, reward, ended, cut, info = places[place].step(actions[place])
                shown[place] = seen
                returns[start + place] += float(reward)
                steps[start + place] += 1
                if ended or cut:
                    running.remove(place)
                    ends[start + place] = info
        if on_progress is not None:
            on_progress(start + len(part), len(seeds))
    rule, least = success_rule(made[0], ends)
    for one in made:
        one.close()
    return EpisodeAnswers(np.array(seeds, dtype=np.int64), returns, steps, _success(rule, least, returns, ends), rule)


def stack(shown: Sequence[Any]) -> NDArray[Any]:
    """Return observations as one array, as a policy reads them: fp32, or whole numbers for states."""
    found = np.stack([np.asarray(one) for one in shown])
    return found.astype(np.int64 if found.dtype.kind in "iu" and found.ndim == 1 else np.float32)


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: OnProgress | None = None
) -> dict[str, EpisodeAnswers]:
    """Play the test seeds at random, and with the policy before it has learned."""
    total = 2 * len(test.seeds)

    def told(offset: int) -> OnProgress:
        return lambda done, _: on_progress(offset + done, total) if on_progress else None

    return {
        "random": play(loaded.recipe, test.seeds, by_chance, told(0)),
        "untrained": play(loaded.recipe, test.seeds, acting(loaded), told(len(test.seeds))),
    }


def validate(loaded: Loaded, valid: Examples) -> float:
    """Return minus the mean return over the validation seeds: what training makes small."""
    return -float(play(loaded.recipe, valid.seeds, acting(loaded)).returns.mean())


def _success(rule: str, least: float | None, returns: NDArray[np.float64], ends: list[dict[str, Any]]) -> NDArray[Any]:
    if not rule:
        return np.full(len(returns), UNKNOWN, dtype=np.int64)
    if least is not None:
        return (returns >= least).astype(np.int64)
    return np.array([bool(info.get("is_success")) for info in ends], dtype=np.int64)
