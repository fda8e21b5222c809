"""What others may do while a model trains: look on, write it down elsewhere, ask to stop.

A callback is an object with any of the methods of `Callback`, whose names users of transformers know. It enters by the
entry points ``engram.callbacks``, as the trackers of ``train.report_to`` do; a recipe names it in ``train.callbacks``.
It sees and does not touch: the state is frozen, it is handed no model, and the random generators are put back after
each call, so a training learns the same with and without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from engram import registry
from engram.errors import EngramError, UserError
from engram.schema.recipe import Train
from engram.train import randomness


@dataclass(frozen=True)
class TrainerState:
    """Where a training is.

    global_step, max_steps: optimizer steps done and planned. epoch: epochs done, with their fraction.
    num_input_tokens_seen: without padding. best_metric: the lowest validation loss; best_global_step: when.
    output_dir: the folder of the checkpoints. resumed: whether this process went on from a checkpoint.
    status: ``running`` until ``on_train_end``; there ``finished``, ``paused``, ``cancelled`` or ``failed``.
    """

    global_step: int
    max_steps: int
    epoch: float
    num_input_tokens_seen: int
    best_metric: float
    best_global_step: int
    output_dir: Path
    resumed: bool
    status: str = "running"


@dataclass
class TrainerControl:
    """What a callback may ask for: set ``should_training_stop``, and training ends after this step, with a save."""

    should_training_stop: bool = False


@dataclass(frozen=True)
class About:
    """What a callback is told when it is made.

    run: the run's id. folder: where it may write. config: the recipe, as plain data.
    """

    run: str
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)


class Callback(Protocol):
    """Every method that is called; a callback has those that it needs.

    An entry point names a function (or class) that takes an `About` and returns the callback. Where ``state_dict`` and
    ``load_state_dict`` are there too, what the first gives (plain data, as JSON holds it) is kept in checkpoints and
    given to the second on resume, before ``on_train_begin``.
    """

    def on_train_begin(self, state: TrainerState, control: TrainerControl) -> None:
        """Training begins, or goes on from a checkpoint."""

    def on_step_end(self, state: TrainerState, control: TrainerControl) -> None:
        """An optimizer step is done."""

    def on_log(self, state: TrainerState, control: TrainerControl, logs: Mapping[str, float]) -> None:
        """Numbers of a step: loss, lr, grad_norm, tokens, tokens_per_second; or valid_loss."""

    def on_evaluate(self, state: TrainerState, control: TrainerControl, metrics: Mapping[str, float]) -> None:
        """The validation rows were scored: valid_loss."""

    def on_epoch_end(self, state: TrainerState, control: TrainerControl) -> None:
        """Every training row was seen once more."""

    def on_save(self, state: TrainerState, control: TrainerControl) -> None:
        """A checkpoint was written."""

    def on_train_end(self, state: TrainerState, control: TrainerControl) -> None:
        """Training ended here: done, paused, cancelled or failed."""


EVENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class Callbacks:
    """The callbacks of one training, called in the order in which the recipe names them."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = dict(members)
        self.asked_to_stop = ""
        self._control = TrainerControl()

    def call(self, event: str, state: TrainerState, **numbers: Mapping[str, float]) -> None:
        """Call one method of each; `asked_to_stop` names the first that asked.

        Raises UserError with the name of the callback whose method failed.
        """
        listening = [(name, getattr(one, event)) for name, one in self.members.items() if hasattr(one, event)]
        if not listening:
            return
        shown = {name: MappingProxyType(dict(values)) for name, values in numbers.items()}
        with randomness.undisturbed():
            for name, method in listening:
                _guarded(name, event, method, state, self._control, **shown)
                if self._control.should_training_stop and not self.asked_to_stop:
                    self.asked_to_stop = name

    def state(self) -> dict[str, Any]:
        """Return what the callbacks want kept in a checkpoint, by name."""
        return {
            name: _guarded(
                name, "state_dict", lambda one=one: json.loads(json.dumps(one.state_dict(), allow_nan=False))
            )
            for name, one in self.members.items()
            if hasattr(one, "state_dict")
        }

    def restore(self, states: Mapping[str, Any]) -> None:
        """Give the callbacks back what a checkpoint kept of them."""
        for name, one in self.members.items():
            if name in states and hasattr(one, "load_state_dict"):
                _guarded(name, "load_state_dict", one.load_state_dict, states[name])


def load_callbacks(options: Train, about: About) -> Callbacks:
    """Make the callbacks and trackers that a recipe names.

    Raises UnknownName for a name that is not registered, UserError for one that can't be made.
    """
    made: dict[str, Any] = {}
    for name in dict.fromkeys((*options.callbacks, *options.report_to)):
        with randomness.undisturbed():
            made[name] = _guarded(name, "its start", registry.get("callback", name), about)
        if not any(hasattr(made[name], event) for event in EVENTS):
            raise UserError(
                f"The callback {name!r} has none of the methods that are called: {', '.join(EVENTS)}.",
                remedy="Its entry point must name a function that takes an About and returns such an object.",
            )
    return Callbacks(made)


def _guarded(name: str, what: str, function: Any, *given: Any, **named: Any) -> Any:
    try:
        return function(*given, **named)
    except EngramError:
        raise
    except Exception as error:
        raise UserError(
            f"The callback {name!r} failed in {what}: {type(error).__name__}: {error}",
            remedy="Mend it, or take it out of train.callbacks and train.report_to; --resume goes on.",
        ) from error
