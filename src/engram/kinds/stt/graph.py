"""A recogniser that spells as one graph: samples or a spectrogram in, logits of each frame out."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from engram.errors import UserError
from engram.export.graph import Run
from engram.export.sound_graph import FRAME, SHAPES, SoundGraph, noise, wrapped
from engram.export.tasks import Task

__all__ = ["SHAPES", "example", "free", "inputs_of", "opened", "wrap"]


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


def opened(run: Run, config: Any) -> SoundGraph:
    """Return a graph that was opened, as a model that is called by its inputs."""
    return SoundGraph(run, config, inputs_of(config, "")[0])


def wrap(model: Any, task: str | Task) -> nn.Module:
    """Return the module that takes `inputs_of` the model and gives its logits, (rows, frames, characters)."""
    return wrapped(model, inputs_of(model.config, task))


def example(config: Any, task: str | Task, shape: tuple[int, int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs of a shape (rows, frames of 20 ms)."""
    rows, frames = shape
    names = inputs_of(config, task)
    spectrogram = (rows, frames, getattr(config, "feature_projection_input_dim", 0))
    return noise(names, spectrogram if names[0] == "input_features" else (rows, frames * FRAME), seed)
