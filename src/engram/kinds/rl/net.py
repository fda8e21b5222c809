"""The policy as a plain module, built by plain data; and its graph, under the names that `engram.export.wrap` has.

It holds what decides and nothing that only learning needs. Neither Gymnasium nor Stable-Baselines3 is needed to
use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engram.errors import Refused
from engram.export.graph import Run
from engram.export.tasks import Task

FORMAT = "engram.policy/1"
INPUT = "observation"
SHAPES = ((2, 1), (3, 1), (1, 1))  # rows; the first is traced, the others prove it
ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


class PolicyNet(nn.Module):
    """A perceptron from observations to what is decided by.

    Of actions that are one of several it gives a score for each, (rows, actions): logits (ppo) or values (dqn). Of
    actions that are numbers it gives the action itself, (rows, numbers), clipped (ppo) or squashed (sac) to its bounds.
    config: how it is built, as plain data.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        shown, taken = config["observation"], config["action"]
        self.states = int(shown["n"]) if shown["kind"] == "discrete" else 0
        self.start = int(shown.get("start", 0))
        widths = [self.states or prod(shown["shape"]), *config["hidden"]]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), ACTIVATIONS[config["activation"]]()]
        last = int(taken["n"]) if taken["kind"] == "discrete" else prod(taken["shape"])
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], last))
        self.output = str(config["output"])
        if self.output != "scores":
            self.low: torch.Tensor
            self.high: torch.Tensor
            self.register_buffer("low", torch.tensor(taken["low"], dtype=torch.float32), persistent=False)
            self.register_buffer("high", torch.tensor(taken["high"], dtype=torch.float32), persistent=False)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Return scores or actions of observations (rows, …), or of states (rows,) by their numbers."""
        if self.states:
            read = functional.one_hot(observation.long() - self.start, self.states).float()
        else:
            read = observation.float().flatten(1)
        found: torch.Tensor = self.layers(read)
        if self.output == "clipped":
            return torch.minimum(torch.maximum(found, self.low), self.high)
        if self.output == "squashed":
            return self.low + 0.5 * (torch.tanh(found) + 1.0) * (self.high - self.low)
        return found

    @property
    def linear(self) -> list[nn.Linear]:
        """The layers with weights, the first one first."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


@dataclass(frozen=True)
class PolicyGraph:
    """A policy that was opened as one graph, called as the module is. It works on the CPU."""

    run: Run
    config: Mapping[str, Any]

    def __call__(self, observation: torch.Tensor) -> torch.Tensor:
        """Return scores or actions."""
        return self.run({INPUT: observation})

    def eval(self) -> PolicyGraph:
        """Return itself: a graph is never in training."""
        return self

    def parameters(self) -> Iterator[torch.Tensor]:
        """Yield one empty tensor that tells where the graph works: the CPU."""
        yield torch.zeros(0)


def build(config: Mapping[str, Any]) -> PolicyNet:
    """Return the module that a configuration says, its weights drawn anew; raises Refused for one of another format."""
    if config.get("format") != FORMAT:
        raise Refused(f"The configuration has the format {config.get('format')!r}, and {FORMAT!r} was expected.")
    return PolicyNet(config)


def inputs_of(config: Any, task: str | Task) -> tuple[str, ...]:
    """Return the names of the graph's inputs."""
    return (INPUT,)


def free(config: Any, task: str | Task) -> dict[str, dict[int, str]]:
    """Return which sizes of each input are left free, by names."""
    return {INPUT: {0: "batch"}}


def wrap(model: nn.Module, task: str | Task) -> nn.Module:
    """Return the module that takes `inputs_of` the model and gives its scores or actions."""
    return model.eval()


def opened(run: Run, config: Any) -> PolicyGraph:
    """Return a graph that was opened, as a policy that is called with observations."""
    return PolicyGraph(run, config)


def example(config: Any, task: str | Task, shape: tuple[int, int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return observations: noise, or states by their numbers."""
    chance, shown = torch.Generator().manual_seed(seed), config["observation"]
    if shown["kind"] == "discrete":
        return {INPUT: shown["start"] + torch.randint(shown["n"], (shape[0],), generator=chance)}
    return {INPUT: torch.randn((shape[0], *shown["shape"]), generator=chance)}
