"""A recipe's text, looked at as a run would: what it means, what is wrong with it, by what it would be judged."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engram import registry
from engram.config.load import Loaded, load_recipe
from engram.config.problems import RecipeProblems
from engram.errors import EngramError
from engram.export.format import check_packages
from engram.gate.defaults import Gates, declare
from engram.schema.recipe import Recipe

_MEANT = re.compile(r"Did you mean '([^']+)'\?")
_SET = re.compile(r"--set ([^:]+): ")
FILE = "recipe.yaml"
Step = tuple[str, Callable[[Loaded], Loaded]]


@dataclass(frozen=True)
class Fault:
    """One fault; line and column begin at 1 and are 0 outside the text, key is dotted."""

    message: str
    line: int = 0
    column: int = 0
    key: str = ""

    @property
    def about(self) -> Literal["key", "value"]:
        """Whether the key itself is wrong, or what stands there."""
        return "key" if self.message.startswith("unknown key ") else "value"

    @property
    def suggestion(self) -> str:
        """What was likely meant, or an empty text.

        >>> Fault("unknown key 'sed' in 'train'. Did you mean 'seed'?").suggestion
        'seed'
        """
        found = _MEANT.search(self.message)
        return found[1] if found else ""


@dataclass(frozen=True)
class Looked:
    """What was found: a recipe that a run can use with its gates, or the faults."""

    loaded: Loaded | None
    gates: Gates
    faults: tuple[Fault, ...] = ()


def look(text: str, sets: Sequence[str], profile: str | None, steps: Sequence[Step]) -> Looked:
    """Load a recipe's text, settle it for the one who asks, and declare its gates; nothing of it is kept.

    steps: refuse what may not be used here and pin datasets; each with the key that its refusal is about.
    """
    try:
        loaded = load_text(text, sets, profile)
    except RecipeProblems as error:
        return Looked(None, {}, tuple(Fault(one.message, one.line, one.column, one.key) for one in error.problems))
    except EngramError as error:
        return Looked(None, {}, (_placed(str(error)),))
    key = ""
    try:
        for key, step in steps:  # noqa: B007 - the last one is what a refusal is about
            loaded = step(loaded)
        recipe, key = loaded.recipe, "gates"
        gates = declare(registry.get("kind", recipe.kind).tasks[recipe.task].gates, recipe.gates)
        key = "export"
        check_packages(registry.get("export", name) for name in recipe.export)
    except EngramError as error:
        return Looked(loaded, {}, (Fault(str(error), key=key),))
    return Looked(loaded, gates)


def load_text(text: str, sets: Sequence[str] = (), profile: str | None = None) -> Loaded:
    """Load a recipe from its text, through a file that is gone afterwards; it sees nothing of the server's environment.

    Raises what `load_recipe` raises.
    """
    with tempfile.TemporaryDirectory(prefix="engram-recipe-") as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8")
        try:
            return load_recipe(path, sets=sets, profile=profile, environment={})
        except EngramError as error:
            error.message = error.message.replace(str(path), FILE)
            error.args = (error.message,)
            raise


def differences(written: Any, ran: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Return what differs, as paths with their new values; a list, or a block that lost a key, is replaced whole.

    >>> differences({"train": {"seed": 1, "epochs": 2}}, {"train": {"seed": 7, "epochs": 2}})
    [(('train', 'seed'), 7)]
    """
    if isinstance(written, dict) and isinstance(ran, dict) and written.keys() <= ran.keys():
        found: list[tuple[tuple[str, ...], Any]] = []
        for key, value in ran.items():
            here = (*path, str(key))
            found += differences(written[key], value, here) if key in written else [(here, value)]
        return found
    return [] if written == ran else [(path, ran)]


def steps_of(recipe: Recipe, rows: int | None) -> int | None:
    """Return how many optimizer steps one process takes at most for so many rows to train on.

    None where batches are filled by tokens, so that nobody knows before the rows are read.

    >>> from engram.config.load import load_recipe
    >>> steps_of(load_recipe("quickstart", environment={}).recipe, 100)  # 7 batches of 16, twice
    14
    """
    train = recipe.train
    if train.max_steps is not None:
        return train.max_steps
    if rows is None or train.packing or train.tokens_per_batch is not None:
        return None
    per_step = train.per_device_train_batch_size * train.gradient_accumulation_steps
    in_epoch = -(-rows // per_step)
    whole, part = divmod(train.num_train_epochs, 1)
    return int(whole) * in_epoch + -int(-(in_epoch * part) // 1)


def _placed(said: str) -> Fault:
    """Take the place out of what the reader says of a whole file or of a ``--set``."""
    if found := re.match(rf"{re.escape(FILE)}:(\d+): ", said):
        return Fault(said[found.end() :], int(found[1]), 1)
    if found := _SET.match(said):
        return Fault(said[found.end() :], key=found[1])
    return Fault(said.replace(f"{FILE}: ", "", 1))
