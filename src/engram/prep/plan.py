"""What the prep steps of a recipe do, sorted by when they do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from engram import registry
from engram.config.check_prep import step_options
from engram.data.compose import Composer
from engram.data.media import Facts
from engram.data.rows import AnyRow
from engram.files import canonical_json
from engram.prep.step import NoOptions, On, Step
from engram.schema.recipe import PrepStep


class Change(Protocol):
    """Changes what a model is shown of a training row."""

    def __call__(self, shown: Any, *, random: np.random.Generator) -> Any:
        """Return what is shown instead, which is of the same kind; draws from `random` alone."""


@dataclass(frozen=True)
class Plan:
    """What happens to rows before the split.

    texts: text → text, in order. composer: makes the rows, where a step does. names: one for each of these, with its
    version and options; they go into the key of the split. refuse: facts of a row's file → why it is not taken, or ''.
    """

    texts: tuple[Callable[[str], str], ...] = ()
    composer: Composer | None = None
    names: tuple[str, ...] = ()
    refuse: Callable[[Facts], str] = lambda facts: ""


def plan(steps: Sequence[PrepStep]) -> Plan:
    """Return what steps do before the split.

    Raises UnknownName for a step that does not exist, FieldProblem for options that it does not have.

    >>> plan([PrepStep("normalise"), PrepStep("augment")]).names
    ('normalise/1',)
    """
    found = [(step, given, options) for step, given, options in _read(steps) if step.on in ("file", "text", "row")]
    makers = [step.apply(options) for step, _, options in found if step.on == "row"]
    return Plan(
        texts=tuple(_bound(step, options) for step, _, options in found if step.on == "text"),
        composer=makers[0] if makers else None,
        names=tuple(_name(step, given) for step, given, _ in found),
        refuse=_refusing([partial(step.apply, options=options) for step, _, options in found if step.on == "file"]),
    )


def training_rows(
    steps: Sequence[PrepStep], rows: Iterable[AnyRow], *, seed: int, labels: Sequence[str]
) -> Iterable[AnyRow]:
    """Return what the training part becomes; the same for the same seed, whatever the order of its rows.

    labels: those of the split. Raises what `plan` raises.
    """
    for step, _, options in _read(steps):
        if step.on == "training rows":
            rows = step.apply(rows, options, seed, labels)
    return rows


def changes(steps: Sequence[PrepStep], on: On) -> tuple[Change, ...]:
    """Return what the steps of ``samples``, of ``features`` or of ``pixels`` do to a training row, in order.

    Raises what `plan` raises.
    """
    return tuple(partial(step.apply, options=options) for step, _, options in _read(steps) if step.on == on)


def readings(steps: Sequence[PrepStep]) -> dict[str, Any]:
    """Return what the steps of ``reading`` say, by their names; raises what `plan` raises."""
    return {step.name: step.apply(options) for step, _, options in _read(steps) if step.on == "reading"}


def grouping(steps: Sequence[PrepStep]) -> Any:
    """Return what the step of ``groups`` says of them, None where the recipe has none; raises what `plan` raises."""
    return next((step.apply(options) for step, _, options in _read(steps) if step.on == "groups"), None)


def row_random(seed: int, epoch: int, row: int) -> np.random.Generator:
    """Return the generator by which a training row is changed in an epoch, whatever batch it stands in."""
    return np.random.Generator(np.random.PCG64([seed, epoch, row]))


def _refusing(steps: Sequence[Callable[[Facts], str]]) -> Callable[[Facts], str]:
    return lambda facts: next((told for step in steps if (told := step(facts))), "")


def _read(steps: Sequence[PrepStep]) -> list[tuple[Step, PrepStep, Any]]:
    found = []
    for index, given in enumerate(steps):
        step: Step = registry.get("prep step", given.name)
        found.append((step, given, step_options(step, given.options, ("prep", index, given.name))))
    return found


def _bound(step: Step, options: Any) -> Callable[[str], str]:
    return step.apply if step.options is NoOptions else partial(step.apply, options=options)


def _name(step: Step, given: PrepStep) -> str:
    name = f"{step.name}/{step.version}"
    return f"{name} {canonical_json(dict(given.options)).decode()}" if given.options else name
