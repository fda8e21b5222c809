"""Answering observations that people send: each is held against the space that the policy was trained for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.errors import UsageError
from engram.evaluate.reference import probabilities
from engram.kinds.rl.load import Loaded
from engram.schema.options import Options

SLACK = 1e-4  # bounds are kept in fp32, and an observation at one of them may be rounded beyond it


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer observations, each a number or a list of numbers, with the ``action`` that the policy holds best.

    Where it is one of several, ``probabilities`` (ppo) or ``values`` (dqn) of all of them stand beside it.

    Raises UsageError for what is no observation of the environment: its shape, its bounds, what is no number.
    """
    space, taken = loaded.config["observation"], loaded.config["action"]
    read = state if space["kind"] == "discrete" else numbers
    shown = np.stack([read(given, space) for given in inputs])
    loaded.model.eval()
    with torch.inference_mode():
        found = loaded.model(torch.from_numpy(shown)).float().numpy()
    if loaded.config["output"] != "scores":
        return [{"action": one.reshape(taken["shape"]).tolist()} for one in found]
    learned = "probabilities" if loaded.config["algorithm"] == "ppo" else "values"
    told = probabilities(found) if learned == "probabilities" else found
    return [
        {
            "action": int(scores.argmax()) + taken["start"],
            learned: {str(taken["start"] + place): round(float(one), 6) for place, one in enumerate(row)},
        }
        for scores, row in zip(found, told, strict=True)
    ]


def state(given: Any, space: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return a state by its number; raises UsageError for one that there is not."""
    low, high = space["start"], space["start"] + space["n"] - 1
    alone = given[0] if isinstance(given, list) and len(given) == 1 else given
    if not isinstance(alone, int) or isinstance(alone, bool) or not low <= alone <= high:
        raise UsageError(f"An observation is a whole number from {low} to {high}, not {_short(given)}.")
    return np.asarray(alone, dtype=np.int64)


def numbers(given: Any, space: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return an observation as an array; raises UsageError for another shape and for numbers out of bounds."""
    wanted = tuple(space["shape"])
    asked = f"An observation is {_say(wanted)}"
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"{asked}, not {_short(given)}.", remedy=_example(wanted)) from None
    if _odd(given) or found.shape != wanted:
        raise UsageError(f"{asked}; this is {_short(given)}.", remedy=_example(wanted))
    for place, (one, low, high) in enumerate(zip(found.ravel(), space["low"], space["high"], strict=True)):
        least, most = -np.inf if low is None else low, np.inf if high is None else high
        slack = SLACK * max(1.0, *(abs(end) for end in (least, most) if np.isfinite(end)), 1.0)
        if not (np.isfinite(one) and least - slack <= one <= most + slack):
            raise UsageError(f"Number {place + 1} of the observation is {one:g}; it lies from {least:g} to {most:g}.")
    return found.astype(np.float32)


def _odd(given: Any) -> bool:
    """Tell whether texts or truth values stand among the numbers: numpy would read them as such."""
    if isinstance(given, list):
        return any(map(_odd, given))
    return isinstance(given, bool) or not isinstance(given, int | float)


def _say(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"a list of {shape[0]} number{'s' * (shape[0] != 1)}"
    return f"nested lists of numbers of the shape {' × '.join(map(str, shape)) or '1'}"


def _example(shape: tuple[int, ...]) -> str:
    return f"For example {[0.0] * shape[0]}." if len(shape) == 1 and shape[0] <= 12 else ""


def _short(given: Any) -> str:
    shown = repr(given)
    return shown if len(shown) <= 80 else shown[:79] + "…"
