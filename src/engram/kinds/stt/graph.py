"""A recogniser that spells as one graph: samples or a spectrogram in, logits of each frame out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engram.errors import UserError
from engram.export.graph import Answer, Run
from engram.export.tasks import Task

FRAME = 320  # samples of 20 ms at 16,000 a second
# Rows and frames of 20 ms: the first is traced, the others prove it.
SHAPES = ((2, 30), (3, 45), (1, 25))


@dataclass(frozen=True)
class SpeechGraph:
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

    def eval(self) -> SpeechGraph:
        """Return itself: a graph is never in training."""
        return self

    def parameters(self) -> Iterator[torch.Tensor]:
        """Yield one empty tensor that tells where the graph works: the CPU."""
        yield torch.zeros(0)


class OfSamples(nn.Module):
    """A model that takes samples: (rows, samples) and perhaps a mask of them → logits (rows, frames, characters)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_values: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits."""
        more = {} if attention_mask is None else {"attention_mask": attention_mask}
        logits: torch.Tensor = self.model(input_values=input_values, **more).logits
        return logits


class OfFeatures(nn.Module):
    """A model that takes a spectrogram and a mask of its frames → logits (rows, frames, characters)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_features: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        logits: torch.Tensor = self.model(input_features=input_features, attention_mask=attention_mask).logits
        return logits


def inputs_of(config: Any, task: str | Task) -> tuple[str, ...]:
    """Return the names of the graph's inputs, in order.

    Raises UserError for a model that writes token by token.
    """
    if getattr(config, "is_encoder_decoder", False):
        raise UserError("A model that writes token by token has no such graph.", remedy="Leave onnx out of 'export'.")
    if config.model_type == "wav2vec2-bert":
        return ("input_features", "attention_mask")
    return ("input_values", "attention_mask") if config.feat_extract_norm == "layer" else ("input_values",)


def free(config: Any, task: str | Task) -> dict[str, dict[int, str]]:
    """Return which sizes of each input are left free, by names."""
    return {name: {0: "batch", 1: "width"} for name in inputs_of(config, task)}


def opened(run: Run, config: Any) -> SpeechGraph:
    """Return a graph that was opened, as a model that is called by its inputs."""
    return SpeechGraph(run, config, inputs_of(config, "")[0])


def wrap(model: Any, task: str | Task) -> nn.Module:
    """Return the module that takes `inputs_of` the model and gives its logits."""
    if inputs_of(model.config, task)[0] == "input_values":
        return OfSamples(model).eval()
    model.set_attn_implementation("eager")  # the fused one leaves a view that no tracer can follow for other lengths
    return OfFeatures(model).eval()


def example(config: Any, task: str | Task, shape: tuple[int, int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs of a shape (rows, frames of 20 ms): noise, the last row padded where the model is told so."""
    rows, frames = shape
    chance = torch.Generator().manual_seed(seed)
    name, *more = inputs_of(config, task)
    width = (frames, config.feature_projection_input_dim) if name == "input_features" else (frames * FRAME,)
    given = {name: torch.randn((rows, *width), generator=chance)}
    if more:
        mask = torch.ones((rows, width[0]), dtype=torch.int64)
        mask[-1, width[0] * 3 // 4 :] = 0
        given = {name: given[name] * mask.reshape(*mask.shape, *[1] * (len(width) - 1)), "attention_mask": mask}
    return given
