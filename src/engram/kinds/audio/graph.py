"""A sound classifier as one graph: samples or a spectrogram in, logits out. The names are those of `export.wrap`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engram.export.graph import Answer, Run
from engram.export.tasks import Task

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
    """A model that takes samples: (rows, samples) and perhaps a mask of them → logits (rows, labels)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_values: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits."""
        more = {} if attention_mask is None else {"attention_mask": attention_mask}
        logits: torch.Tensor = self.model(input_values=input_values, **more).logits
        return logits


class OfFeatures(nn.Module):
    """A model that takes a spectrogram, and perhaps a mask of its frames → logits (rows, labels)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_features: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits."""
        more = {} if attention_mask is None else {"attention_mask": attention_mask}
        logits: torch.Tensor = self.model(input_features=input_features, **more).logits
        return logits


def inputs_of(config: Any, task: str | Task) -> tuple[str, ...]:
    """Return the names of the graph's inputs, in order."""
    spectrogram = config.model_type in ("wav2vec2-bert", "whisper")
    name = "input_features" if spectrogram else "input_values"
    masked = config.model_type == "wav2vec2-bert" or getattr(config, "feat_extract_norm", "") == "layer"
    return (name, "attention_mask") if masked else (name,)


def free(config: Any, task: str | Task) -> dict[str, dict[int, str]]:
    """Return which sizes of each input are left free, by names; a model of one length has its rows free alone."""
    if config.model_type in ("whisper", "audio-spectrogram-transformer"):
        return {name: {0: "batch"} for name in inputs_of(config, task)}
    return {name: {0: "batch", 1: "width"} for name in inputs_of(config, task)}


def opened(run: Run, config: Any) -> SoundGraph:
    """Return a graph that was opened, as a model that is called by its inputs."""
    return SoundGraph(run, config, inputs_of(config, "")[0])


def wrap(model: nn.Module, task: str | Task) -> nn.Module:
    """Return the module that takes `inputs_of` the model and gives its logits."""
    of = OfFeatures if inputs_of(model.config, task)[0] == "input_features" else OfSamples
    return of(model).eval()


def example(config: Any, task: str | Task, shape: tuple[int, int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs of a shape (rows, frames of 20 ms): noise, the last row padded where the model is told so."""
    rows, frames = shape
    chance = torch.Generator().manual_seed(seed)
    name = inputs_of(config, task)[0]
    if config.model_type == "whisper":
        size = (rows, config.num_mel_bins, 2 * config.max_source_positions)
    elif config.model_type == "audio-spectrogram-transformer":
        size = (rows, config.max_length, config.num_mel_bins)
    elif config.model_type == "wav2vec2-bert":
        size = (rows, frames, config.feature_projection_input_dim)
    else:
        size = (rows, frames * FRAME)  # type: ignore[assignment]
    given = {name: torch.randn(size, generator=chance)}
    if "attention_mask" in inputs_of(config, task):
        mask = torch.ones(size[:2], dtype=torch.int64)
        mask[-1, size[1] * 3 // 4 :] = 0
        given = {name: given[name] * mask.reshape(*mask.shape, *[1] * (len(size) - 2)), "attention_mask": mask}
    return given
