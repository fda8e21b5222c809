"""A vision model as one graph: pixels in, logits out. The names are those of `export.wrap`.

Of a detector, a place's logits are its classes and then its box: middle, width and height in shares of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engram.export.graph import Answer, Run
from engram.export.tasks import Task, as_task

INPUT = "pixel_values"
BOX = 4
SHAPES = ((2, 1), (3, 1), (1, 1))  # rows of one picture each: the first is traced, the others prove it
SIDE = 224  # pixels, where a configuration tells none


@dataclass(frozen=True)
class PictureGraph:
    """A graph and its configuration, called as the model is. It has no state and no gradient, and works on the CPU."""

    run: Run
    config: Any

    def __call__(self, pixel_values: torch.Tensor) -> Answer:
        """Return the logits of a batch."""
        return Answer(self.run({INPUT: pixel_values.to("cpu", torch.float32)}))

    def eval(self) -> PictureGraph:
        """Return itself: a graph is never in training."""
        return self

    def parameters(self) -> Iterator[torch.Tensor]:
        """Yield one empty tensor that tells where the graph works: the CPU."""
        yield torch.zeros(0)


class OfPictures(nn.Module):
    """A classifier: (rows, 3, height, width) → logits (rows, labels)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        logits: torch.Tensor = self.model(pixel_values=pixel_values).logits
        return logits


class OfPlaces(nn.Module):
    """A detector: (rows, 3, height, width) → (rows, places, classes + 4)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return logits of the classes and the box of each place."""
        return joined(self.model(pixel_values=pixel_values))


def joined(out: Any) -> torch.Tensor:
    """Return what a detector says of each place, (rows, places, classes + 4); a graph says it so already."""
    if not hasattr(out, "pred_boxes"):
        graph: torch.Tensor = out.logits
        return graph
    return torch.cat([out.logits.float(), out.pred_boxes.float()], dim=-1)


def inputs_of(config: Any, task: str | Task) -> tuple[str, ...]:
    """Return the names of the graph's inputs, in order."""
    return (INPUT,)


def free(config: Any, task: str | Task) -> dict[str, dict[int, str]]:
    """Return which sizes are left free, by names: how many pictures; their size is the model's."""
    return {INPUT: {0: "batch"}}


def opened(run: Run, config: Any) -> PictureGraph:
    """Return a graph that was opened, as a model that is called by its inputs."""
    return PictureGraph(run, config)


def wrap(model: nn.Module, task: str | Task) -> nn.Module:
    """Return the module that takes pixels and gives logits."""
    return (OfPlaces if as_task(task).name == "detect" else OfPictures)(model).eval()


def example(config: Any, task: str | Task, shape: tuple[int, int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return so many pictures of noise, of the size that the configuration keeps for it (`seen_size`)."""
    height, width = getattr(config, "seen_size", None) or (SIDE, SIDE)
    chance = torch.Generator().manual_seed(seed)
    return {INPUT: torch.randn((shape[0], 3, height, width), generator=chance)}
