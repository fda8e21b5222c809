"""What the graphs of models that hear have in common: samples or a spectrogram in, perhaps with a mask, logits out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engram.export.graph import Answer, Run

FRAME = 320  # samples of 20 ms at 16,000 a second
# Rows and frames of 20 ms: the first is traced, the others prove it.
SHAPES = ((2, 30), (3, 45), (1, 25))


@dataclass(frozen=True)
class SoundGraph:
    """A graph and its configuration, called as the model is. It has no state and no gradient, and works on the CPU."""

    run: Run
    config: Any
    main_input_name: str

    def __call__(self, attention_mask: torch.Tensor | None = None, **given: torch.Tensor) -> Answer:
        """Return the logits of a batch."""
        fed = {name: value.to("cpu", torch.float32) for name, value in given.items()}
        if attention_mask is not None:
            fed["attention_mask"] = attention_mask.to("cpu", torch.int64)
        return Answer(self.run(fed))

    def eval(self) -> SoundGraph:
        """Return itself: a graph is never in training."""
        return self

    def parameters(self) -> Iterator[torch.Tensor]:
        """Yield one empty tensor that tells where the graph works: the CPU."""
        yield torch.zeros(0)


class OfSamples(nn.Module):
    """A model that takes samples: (rows, samples) and perhaps a mask of them → logits, of rows or of frames."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_values: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits."""
        more = {} if attention_mask is None else {"attention_mask": attention_mask}
        logits: torch.Tensor = self.model(input_values=input_values, **more).logits
        return logits


class OfFeatures(nn.Module):
    """A model that takes a spectrogram, and perhaps a mask of its frames → logits, of rows or of frames."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_features: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits."""
        more = {} if attention_mask is None else {"attention_mask": attention_mask}
        logits: torch.Tensor = self.model(input_features=input_features, **more).logits
        return logits


def wrapped(model: Any, names: Sequence[str]) -> nn.Module:
    """Return the module that takes inputs of these names and gives the model's logits."""
    if names[0] == "input_values":
        return OfSamples(model).eval()
    model.set_attn_implementation("eager")  # the fused one leaves a view that no tracer can follow for other lengths
    return OfFeatures(model).eval()


def noise(names: Sequence[str], size: Sequence[int], seed: int) -> dict[str, torch.Tensor]:
    """Return inputs of a size (rows, width, …): noise, and padding in the last row where there is a mask."""
    name, *more = names
    given = {name: torch.randn(tuple(size), generator=torch.Generator().manual_seed(seed))}
    if more:
        mask = torch.ones(tuple(size[:2]), dtype=torch.int64)
        mask[-1, size[1] * 3 // 4 :] = 0
        given = {name: given[name] * mask.reshape(*mask.shape, *[1] * (len(size) - 2)), "attention_mask": mask}
    return given
