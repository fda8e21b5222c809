"""An encoder as one graph: token ids and mask in, vectors out. The names are those of `engram.export.wrap`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engram.export.graph import Run
from engram.export.tasks import Task
from engram.export.wrap import SHAPES as SHAPES
from engram.export.wrap import example as example
from engram.export.wrap import free as free
from engram.export.wrap import inputs_of as inputs_of


@dataclass(frozen=True)
class VectorGraph:
    """A graph and its configuration, called as the encoder is. It has no state and no gradient; it works on the CPU."""

    run: Run
    config: Any

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of rows."""
        given = {"input_ids": input_ids, "attention_mask": attention_mask}
        return self.run({name: value.to("cpu", torch.int64) for name, value in given.items()})

    def eval(self) -> VectorGraph:
        """Return itself: a graph is never in training."""
        return self

    def parameters(self) -> Iterator[torch.Tensor]:
        """Yield one empty tensor that tells where the graph works: the CPU."""
        yield torch.zeros(0)


def opened(run: Run, config: Any) -> VectorGraph:
    """Return a graph that was opened, as an encoder that is called by its inputs."""
    return VectorGraph(run, config)


def wrap(model: nn.Module, task: str | Task) -> nn.Module:
    """Return the module that takes ids and mask and gives vectors: the encoder itself."""
    return model.eval()
