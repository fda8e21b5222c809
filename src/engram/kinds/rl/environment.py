"""Environments: those of Gymnasium itself, by their ids; what they show, what they take, and whether they repeat."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from engram import files
from engram.data.rows import SeedRow
from engram.errors import MissingExtra, UnknownName, UserError
from engram.export.format import BaseRef
from engram.lazy import need
from engram.schema.policy import Policy
from engram.schema.recipe import Model, Recipe

PREFIX = "gym:"
OURS = "gymnasium.envs."  # where an environment's code may stand: nothing is imported from elsewhere
# Rooms of it whose environments need a package that it does not bring.
NEEDS = {"box2d": "Box2D", "mujoco": "mujoco", "phys2d": "jax", "tabular": "jax"}
MOST_STEPS = 10_000  # of an episode whose environment names no end
TRIED_STEPS = 200


def gymnasium() -> Any:
    """Return the library; raises MissingExtra where it is not installed."""
    return need("gymnasium", extra="rl", why="to act in an environment")


def known() -> dict[str, bool]:
    """Return the ids of the environments that Gymnasium brings itself, each with whether its packages are installed."""
    found = {name: str(spec.entry_point) for name, spec in sorted(gymnasium().registry.items())}
    ours = {name: place.removeprefix(OURS).partition(".")[0] for name, place in found.items() if place.startswith(OURS)}
    return {name: room not in NEEDS or find_spec(NEEDS[room]) is not None for name, room in ours.items()}


def spec_of(source: str) -> Any:
    """Return what Gymnasium's registry says of an environment, given as ``gym:`` and its id.

    No module is ever named by a recipe, and none is imported to find an id. Raises UnknownName with the nearest id,
    MissingExtra where the environment needs more than Gymnasium brings.
    """
    name, ids = source.removeprefix(PREFIX), known()
    if not source.startswith(PREFIX):
        told = f"model.source names no environment: {source[:80]!r}."
        raise UserError(told, remedy="Write for example gym:CartPole-v1.")
    if name not in ids:
        raise UnknownName.of("environment", name[:80], [one for one, installed in ids.items() if installed])
    if not ids[name]:
        raise MissingExtra(
            f"The environment {name} needs a package that is not installed.",
            remedy="Install what Gymnasium names for it, or use an environment of classic control, as CartPole-v1.",
        )
    return gymnasium().registry[name]


def make(source: str, policy: Policy | None) -> Any:
    """Return an environment, ready to be reset.

    Raises UserError for options that it does not take, for spaces that no policy here can learn in, and MissingExtra
    where it needs a package of its own.
    """
    spec, options = spec_of(source), dict(policy.options) if policy else {}
    gym = gymnasium()
    longest = {} if spec.max_episode_steps else {"max_episode_steps": MOST_STEPS}
    try:
        made = gym.make(spec.id, disable_env_checker=True, **longest, **options)
    except (gym.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise MissingExtra(
            f"The environment {spec.id} needs a package that is not installed: {error}",
            remedy="Install it, or use an environment of classic control, as CartPole-v1.",
        ) from error
    except (TypeError, ValueError, KeyError, AssertionError, gym.error.Error) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"The environment {spec.id} can't be made with {options}: {said}", remedy="Check policy.options."
        ) from error
    _check_spaces(spec.id, made)
    return made


def _check_spaces(name: str, made: Any) -> None:
    spaces = gymnasium().spaces
    shown, taken = made.observation_space, made.action_space
    if not isinstance(shown, spaces.Box | spaces.Discrete):
        raise UserError(
            f"{name} shows a {type(shown).__name__}, and a policy reads numbers (Box) or one of several states.",
            remedy="Choose another environment.",
        )
    if not isinstance(taken, spaces.Box | spaces.Discrete):
        raise UserError(
            f"{name} takes a {type(taken).__name__}, and a policy gives numbers (Box) or one of several actions.",
            remedy="Choose another environment.",
        )
    if isinstance(taken, spaces.Box) and not (np.isfinite(taken.low).all() and np.isfinite(taken.high).all()):
        raise UserError(f"The actions of {name} have no bounds.", remedy="Choose another environment.")


def plain_space(space: Any) -> dict[str, Any]:
    """Return a space as plain data; None stands for a side without a bound."""
    if hasattr(space, "n"):
        return {"kind": "discrete", "n": int(space.n), "start": int(space.start)}
    low, high = (
        [float(one) if np.isfinite(one) else None for one in np.asarray(ends, dtype=np.float64).ravel()]
        for ends in (space.low, space.high)
    )
    return {"kind": "box", "shape": list(space.shape), "low": low, "high": high}


def find_base(model: Model) -> BaseRef:
    """Return the environment as what a policy is built on: its name, and a digest of its definition and its code.

    Raises UnknownName for an id that Gymnasium does not have.
    """
    spec = spec_of(model.source)
    module, _, name = str(spec.entry_point).partition(":")
    try:
        file = Path(inspect.getfile(getattr(import_module(module), name)))
    except (ImportError, AttributeError, TypeError) as error:
        raise MissingExtra(
            f"The environment {spec.id} needs a package that is not installed: {error}",
            remedy="Install it, or use an environment of classic control, as CartPole-v1.",
        ) from error
    made_of = {
        "id": spec.id,
        "gymnasium": version("gymnasium"),
        "most_steps": spec.max_episode_steps or MOST_STEPS,
        "threshold": spec.reward_threshold,
        "given": {str(key): repr(value) for key, value in spec.kwargs.items()},
        "code": files.sha256_file(file),
    }
    return BaseRef(file.parent, model.source, "", files.json_digest(made_of))


def begin(recipe: Recipe, seeds: Sequence[int]) -> list[Any]:
    """Return what the episode of each seed shows first, as plain numbers."""
    made = make(recipe.model.source, recipe.policy)
    try:
        return [np.asarray(made.reset(seed=int(seed))[0]).tolist() for seed in seeds]
    finally:
        made.close()


def examine(recipe: Recipe, parts: Iterable[Sequence[SeedRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: seeds whose episode begins outside the space, and whether episodes repeat."""
    made = make(recipe.model.source, recipe.policy)
    space = made.observation_space
    wrong, first = 0, None
    for rows in parts:
        for row in rows:
            first = row if first is None else first
            shown = np.asarray(row.input, dtype=space.dtype)
            wrong += not (np.isfinite(shown).all() and space.contains(shown if shown.ndim else shown[()]))
    made.close()
    same = first is not None and repeats(recipe, first.seed)
    return {"unplayable_seeds": float(wrong), "environment_repeats": float(same)}


def repeats(recipe: Recipe, seed: int) -> bool:
    """Tell whether an episode, begun with the same seed and played alike, is the same bit for bit.

    Where it is, an open episode can be played again after an interruption: resume is exact.
    """
    return _trace(recipe, seed) == _trace(recipe, seed)


def _trace(recipe: Recipe, seed: int) -> list[bytes]:
    made = make(recipe.model.source, recipe.policy)
    made.action_space.seed(seed)
    found = [np.asarray(made.reset(seed=seed)[0]).tobytes()]
    for _ in range(TRIED_STEPS):
        shown, reward, ended, cut, _ = made.step(made.action_space.sample())
        found.append(np.asarray(shown).tobytes() + np.float64(reward).tobytes() + bytes([ended, cut]))
        if ended or cut:
            found.append(np.asarray(made.reset()[0]).tobytes())
    made.close()
    return found


def success_rule(made: Any, infos: Iterable[Mapping[str, Any]]) -> tuple[str, float | None]:
    """Return in words what success is in an environment, and the least return where that decides; '' for nothing."""
    if any("is_success" in info for info in infos):
        return "the environment says is_success at the end of the episode", None
    least = made.spec.reward_threshold if made.spec else None
    return ("", None) if least is None else (f"a return of at least {least:g}, the environment's own threshold", least)
